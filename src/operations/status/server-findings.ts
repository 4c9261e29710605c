import { formatCount } from '../../base/text/amounts.ts';
import { Hyper2kvmError, type ErrorKind } from '../../base/errors.ts';
import type { ConnectionSettings } from '../../vsphere/connection/connection-settings.ts';
import {
  countPrivileges,
  EXPORT_PRIVILEGES,
  readServerTime,
  SNAPSHOT_PRIVILEGES,
} from '../../vsphere/inventory/privileges.ts';
import { VsphereClient } from '../../vsphere/session/vsphere-client.ts';
import { CleanUp } from '../clean-up.ts';
import { logIn } from '../server-session.ts';
import { addNfcFindings } from './nfc-findings.ts';
import type { StatusFinding } from './types.ts';

/** Above some skew, servers reject certificates and session tickets; the exact limit varies. */
const SKEW_LIMIT_MS = 60_000;

/** Checks whether the server can export VMs for the account. The first failure ends the list. */
export async function inspectServer(
  connection: ConnectionSettings,
  withSnapshots: boolean,
  signal: AbortSignal,
): Promise<StatusFinding[]> {
  const findings: StatusFinding[] = [];
  const add = (check: string, level: StatusFinding['level'], detail: string, rest: Partial<StatusFinding> = {}) =>
    findings.push({ area: 'server', check, level, detail, ...rest });
  await using cleanUp = new CleanUp((sentence) => {
    add('log out', 'warning', sentence, { hint: 'The server ends an idle session after some time, or end it there.' });
  });
  const client = new VsphereClient(connection);
  let check = 'reachable';
  try {
    const { content, apiVersion } = await client.greet(signal);
    add('reachable', 'ok', client.server);
    addTrust(connection, add);
    const { fullName, apiType } = content.about;
    add('API', 'ok', `${fullName} (${apiType}), API ${apiVersion}`);
    check = 'log in';
    await logIn(client, connection, cleanUp, signal);
    add(check, 'ok', `as ${connection.username}`);
    check = 'privileges';
    await addPrivileges(client, withSnapshots, add, signal);
    check = 'NFC';
    await addNfcFindings(client, add, signal);
    check = 'clock';
    addSkew((await readServerTime(client, signal)) - Date.now(), add);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof Hyper2kvmError)) throw error;
    add(error.kind === 'tls-trust' ? 'certificate' : check, 'error', error.message, {
      kind: error.kind,
      hint: error.hint ?? 'Check --url, --username and the password, and that this host can reach the server.',
    });
  }
  return findings;
}

type Add = (
  check: string,
  level: StatusFinding['level'],
  detail: string,
  rest?: { hint?: string; kind?: ErrorKind },
) => void;

function addTrust({ trust }: ConnectionSettings, add: Add): void {
  if (trust.insecure) {
    add('certificate', 'warning', 'not verified (--insecure)', { hint: 'Pin it with --thumbprint instead.' });
  } else {
    add('certificate', 'ok', trust.thumbprint === undefined ? 'trusted' : 'the pinned one');
  }
}

async function addPrivileges(
  client: VsphereClient,
  withSnapshots: boolean,
  add: Add,
  signal: AbortSignal,
): Promise<void> {
  const needed = [...EXPORT_PRIVILEGES, ...(withSnapshots ? SNAPSHOT_PRIVILEGES : [])];
  const { vms, counts } = await countPrivileges(client, needed, signal);
  if (vms === 0) {
    add('privileges', 'warning', 'the account sees no VMs', { hint: 'Give it a role on the VMs or their folder.' });
    return;
  }
  if (counts === undefined) {
    const hint = `Check on the server that the role of the account has ${needed.join(', ')}.`;
    add('privileges', 'warning', `not checked on ${formatCount(vms, 'VM')}: this server does not report privileges`, {
      hint,
    });
    return;
  }
  for (const { privilege, granted } of counts) {
    const hint = `Add ${privilege} to the role of the account.`;
    if (granted === vms) add(privilege, 'ok', `on ${vms === 1 ? 'the only VM' : `all ${vms} VMs`}`);
    else if (granted > 0) add(privilege, 'warning', `on ${granted} of ${vms} VMs`, { hint });
    else add(privilege, 'error', `on none of ${formatCount(vms, 'VM')}`, { hint, kind: 'authentication' });
  }
}

function addSkew(skewMs: number, add: Add): void {
  const seconds = Math.round(Math.abs(skewMs) / 1000);
  if (Number.isNaN(skewMs)) {
    const hint = 'Compare the clock of the server with that of this host.';
    add('clock', 'warning', 'the server does not report its time', { hint });
  } else if (Math.abs(skewMs) <= SKEW_LIMIT_MS) add('clock', 'ok', `${seconds} s apart`);
  else {
    const detail = `the server's clock is ${seconds} s ${skewMs > 0 ? 'ahead of' : 'behind'} this host's`;
    add('clock', 'warning', detail, { hint: 'Set both by NTP: certificates and tickets depend on it.' });
  }
}
