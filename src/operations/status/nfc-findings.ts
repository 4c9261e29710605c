import { formatCount } from '../../base/text/amounts.ts';
import { Hyper2kvmError, sentenceOf } from '../../base/errors.ts';
import { countPrivileges, NFC_PRIVILEGES } from '../../vsphere/inventory/privileges.ts';
import { NfcAccess } from '../../vsphere/nfc/nfc-access.ts';
import { NfcUnavailableError } from '../../vsphere/nfc/nfc-error.ts';
import { readInventory } from '../../vsphere/session/properties.ts';
import type { VsphereClient } from '../../vsphere/session/vsphere-client.ts';
import type { MoRef } from '../../vsphere/soap/wsdl-types.ts';
import type { StatusFinding } from './types.ts';

/** A login at a host that drops packets takes 10 s. */
const MOST_HOSTS = 16;

type Add = (check: string, level: StatusFinding['level'], detail: string, rest?: { hint?: string }) => void;

/**
 * Checks whether disks can be read over NFC: logs in to one host after the other, with a ticket for one of its VMs, and
 * reads nothing. What is missing is no error, because the export lease needs none of it.
 */
export async function addNfcFindings(client: VsphereClient, add: Add, signal: AbortSignal): Promise<void> {
  const access = new NfcAccess(client);
  try {
    await access.service(signal);
  } catch (error) {
    addUnavailable('NFC', error, add);
    return;
  }
  const pathSet = ['runtime.host', 'config.changeTrackingEnabled', 'capability.changeTrackingSupported'];
  const vms = await readInventory(client, [{ type: 'VirtualMachine', pathSet }], signal);
  if (vms.length === 0) return;
  const vmOfHost = new Map<string, MoRef>();
  for (const { ref, properties } of vms) {
    const host = properties.get('runtime.host')?.text ?? '';
    if (!vmOfHost.has(host) && vmOfHost.size < MOST_HOSTS) vmOfHost.set(host, ref);
  }
  for (const [host, vm] of vmOfHost) {
    try {
      const { address, version } = await access.probe(vm, signal);
      add('NFC', 'ok', `${address} (${host}): version ${version}`);
    } catch (error) {
      signal.throwIfAborted();
      addUnavailable('NFC', error, add, host);
    }
  }
  const has = (path: string): number => vms.filter(({ properties }) => properties.get(path)?.text === 'true').length;
  const tracking = `on for ${has(pathSet[1] ?? '')}, supported by ${has(pathSet[2] ?? '')} of ${formatCount(vms.length, 'VM')}`;
  add('changed block tracking', 'ok', tracking);
  const { counts } = await countPrivileges(client, NFC_PRIVILEGES, signal);
  const missing = (counts ?? []).filter(({ granted }) => granted < vms.length).map(({ privilege }) => privilege);
  if (missing.length === 0) return;
  add('NFC privileges', 'ok', `not on all VMs: ${missing.join(', ')}`, {
    hint: `--transport nfc needs them. Add ${missing.join(' and ')} to the role of the account.`,
  });
}

function addUnavailable(check: string, error: unknown, add: Add, host?: string): void {
  if (!(error instanceof Hyper2kvmError)) throw error;
  const reason = error instanceof NfcUnavailableError ? error.reason : sentenceOf(error);
  const where = host === undefined ? '' : `${host}: `;
  add(check, 'ok', `${where}not available: ${reason}`, {
    hint: error.hint ?? 'Export with --transport lease.',
  });
}
