import type { ConnectionSettings } from '../vsphere/connection/connection-settings.ts';
import { VsphereClient } from '../vsphere/session/vsphere-client.ts';
import type { CleanUp } from './clean-up.ts';

const LOGOUT_LIMIT_MS = 30_000;

/** Connects to the server and logs in; the logout is added to `cleanUp`. */
export async function openSession(
  connection: ConnectionSettings,
  cleanUp: CleanUp,
  signal: AbortSignal,
): Promise<VsphereClient> {
  const client = new VsphereClient(connection);
  await client.greet(signal);
  await logIn(client, connection, cleanUp, signal);
  return client;
}

/**
 * Logs in to a connected server. The logout is added to `cleanUp` first, because a lost response may have opened a
 * session.
 */
export async function logIn(
  client: VsphereClient,
  { username }: ConnectionSettings,
  cleanUp: CleanUp,
  signal: AbortSignal,
): Promise<void> {
  cleanUp.defer({
    remains: `The session of ${username} on ${client.server} is still open; the server ends it when it has been idle for some time.`,
    limitMs: LOGOUT_LIMIT_MS,
    run: (limit) => client.logout(limit),
  });
  await client.login(signal);
}
