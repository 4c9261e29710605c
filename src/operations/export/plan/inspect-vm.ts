import { formatCount } from '../../../base/text/amounts.ts';
import type { VmFacts } from '../../../vsphere/vm/vm-facts.ts';
import type { VirtualDisk } from '../../../vsphere/vm/virtual-disk.ts';
import { namedSnapshot, OWN_SNAPSHOT_PREFIX } from '../source/snapshot-names.ts';
import type { PowerChoice, PreflightFinding } from '../types.ts';

/** Unwritten data of a suspended guest is in a file that no lease exports. */
const SUSPENDED =
  'Resume the VM and shut it down, or use --snapshot: its disks are then as after a power failure, without the memory of the guest.';

type Finding = PreflightFinding;

/**
 * The findings about a VM before any lease: what a lease cannot export, and what the user should know. `canLeaveOut`:
 * the command can leave out disks.
 */
export function inspectVm(
  vm: string,
  facts: VmFacts,
  power: PowerChoice,
  { canLeaveOut = false }: { canLeaveOut?: boolean } = {},
): Finding[] {
  const { disks } = facts;
  const remedy = canLeaveOut && disks.length > 1 ? ' Or leave it out with --exclude-disk.' : '';
  return [
    inspectPower(vm, facts, power),
    ...inspectReach(facts),
    ...disks.flatMap((disk) => inspectDisk(disk, remedy)),
    ...inspectEncryption(facts),
    ...inspectSnapshots(facts, power),
    ...inspectDevices(facts),
  ];
}

function inspectPower(vm: string, facts: VmFacts, power: PowerChoice): Finding {
  const check = 'power state';
  if (power.kind === 'from-snapshot') return inspectNamedSnapshot(facts, power.name);
  if (facts.powerState === 'poweredOff') return { level: 'ok', check, detail: 'powered off' };
  if (power.kind === 'snapshot')
    return { level: 'ok', check, detail: `${facts.powerState}; exported through a snapshot` };
  if (power.kind === 'as-is') {
    return {
      level: 'error',
      kind: 'usage',
      check,
      detail: `${vm} is ${facts.powerState === 'poweredOn' ? 'powered on' : facts.powerState}.`,
      hint:
        facts.powerState === 'suspended'
          ? SUSPENDED
          : 'Use --snapshot (the VM keeps running), --shutdown (the guest is shut down first), or power it off.',
    };
  }
  if (facts.powerState !== 'poweredOn') {
    const hint = SUSPENDED;
    return {
      level: 'error',
      kind: 'usage',
      check,
      detail: `${vm} is ${facts.powerState} and cannot be shut down.`,
      hint,
    };
  }
  if (!facts.toolsRunning && !power.forcePowerOff) {
    return {
      level: 'error',
      kind: 'usage',
      check,
      detail: `${vm} cannot shut its guest down: VMware Tools are not running in it.`,
      hint: 'Shut it down manually, add --force-power-off, or use --snapshot.',
    };
  }
  return { level: 'ok', check, detail: 'powered on; the guest will be shut down' };
}

function inspectNamedSnapshot(facts: VmFacts, name: string): Finding {
  const check = 'snapshot';
  if (namedSnapshot(facts, name))
    return { level: 'ok', check, detail: `exported as of snapshot ${JSON.stringify(name)}` };
  const count = facts.snapshots.filter((snapshot) => snapshot.name === name).length;
  const names = facts.snapshots.map((snapshot) => JSON.stringify(snapshot.name)).join(', ');
  return {
    level: 'error',
    kind: 'not-found',
    check,
    detail:
      count > 1
        ? `${count} snapshots are named ${JSON.stringify(name)}.`
        : `There is no snapshot ${JSON.stringify(name)}.`,
    hint: names ? `The VM has ${names}.` : 'The VM has no snapshots.',
  };
}

function inspectReach(facts: VmFacts): Finding[] {
  if (facts.connectionState === 'connected') return [];
  const detail = `The VM is ${facts.connectionState}: its host cannot be reached.`;
  return [{ level: 'error', kind: 'transfer', check: 'host', detail, hint: 'Reconnect the host in vCenter.' }];
}

function inspectDisk(disk: VirtualDisk, remedy: string): Finding[] {
  const refuse = (detail: string, hint: string): Finding[] => [
    { level: 'error', kind: 'image', check: disk.label, detail: `${disk.label} ${detail}`, hint: `${hint}${remedy}` },
  ];
  if (disk.rawDeviceMapping !== undefined) {
    return refuse(
      `is a raw device mapping (${disk.rawDeviceMapping}), which a lease cannot export.`,
      'Copy the LUN itself, or migrate the disk to a VMDK first.',
    );
  }
  if (disk.diskMode.startsWith('independent')) {
    return refuse(
      `is independent (${disk.diskMode}), which a lease cannot export.`,
      'Set its mode to dependent while the VM is off.',
    );
  }
  if (disk.multiWriter) {
    return refuse(
      'is shared with multi-writer, which a lease cannot export.',
      'Set its sharing to none while every VM that uses it is off.',
    );
  }
  if (disk.encrypted) {
    return refuse(
      'is encrypted, and vSphere does not export encrypted disks.',
      'Decrypt it by its storage policy first.',
    );
  }
  return [];
}

function inspectEncryption(facts: VmFacts): Finding[] {
  const findings: Finding[] = [];
  if (facts.encrypted) {
    const hint = 'Decrypt the VM by its storage policy first.';
    findings.push({
      level: 'error',
      kind: 'image',
      check: 'encryption',
      detail: 'The VM is encrypted, and vSphere does not export encrypted VMs.',
      hint,
    });
  }
  if (facts.hasTpm) {
    const detail = 'The VM has a virtual TPM, whose secrets cannot be exported.';
    findings.push({
      level: 'error',
      kind: 'image',
      check: 'TPM',
      detail,
      hint: 'Save the recovery keys of the guest, then remove the TPM.',
    });
  }
  return findings;
}

function inspectSnapshots(facts: VmFacts, power: PowerChoice): Finding[] {
  const findings: Finding[] = [];
  const warn = (check: string, detail: string) => findings.push({ level: 'warning', check, detail });
  const own = facts.snapshots.filter((snapshot) => snapshot.name.startsWith(OWN_SNAPSHOT_PREFIX));
  if (own.length > 0) {
    warn(
      'snapshots',
      `${own.map(({ name }) => name).join(', ')} was left by an export that was killed; remove it when no export is running.`,
    );
  }
  if (facts.snapshots.length > own.length && power.kind !== 'from-snapshot') {
    warn(
      'snapshots',
      `The VM has ${formatCount(facts.snapshots.length - own.length, 'snapshot')}; only the current state is exported.`,
    );
  }
  if (facts.consolidationNeeded)
    warn('consolidation', 'The disks of the VM need consolidation; the export may be slow.');
  if (power.kind === 'snapshot' && power.quiesce && !facts.toolsRunning) {
    warn('quiescing', 'VMware Tools are not running in the guest, so the snapshot will not be quiesced.');
  }
  return findings;
}

function inspectDevices(facts: VmFacts): Finding[] {
  const images = facts.attachedImages.map((image) => `${image} is attached and is not exported.`);
  const passthrough = facts.passthroughDevices.map(
    (label) => `${label} is passed through from the host and is not exported.`,
  );
  const diskless = facts.disks.length === 0 ? ['The VM has no disks.'] : [];
  return [...images, ...passthrough, ...diskless].map((detail) => ({ level: 'warning', check: 'devices', detail }));
}
