import type { ConnectionSettings } from '../vsphere/connection-settings.ts';
import { VsphereClient } from '../vsphere/vsphere-client.ts';
import type { CleanUp } from './clean-up.ts';

const LOGOUT_LIMIT_MS = 30_000;

/** Logs in, and adds the logout to `cleanUp`. */
export async function openSession(
  connection: ConnectionSettings,
  cleanUp: CleanUp,
  signal: AbortSignal,
): Promise<VsphereClient> {
  const client = new VsphereClient(connection);
  await client.greet(signal);
  cleanUp.defer({
    remains: `The session of ${connection.username} on ${client.server} is still open; the server ends it when it has been idle for long.`,
    limitMs: LOGOUT_LIMIT_MS,
    run: (limit) => client.logout(limit),
  });
  await client.login(signal);
  return client;
}
