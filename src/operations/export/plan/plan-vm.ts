import { lstat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { formatBytes } from '../../../base/text/amounts.ts';
import { Hyper2kvmError, sentenceOf } from '../../../base/errors.ts';
import { checkNames, checkWritable, freeBytes } from '../../../base/files/free-space.ts';
import { architectureOf } from '../../../domain/architecture.ts';
import type { NamedVm } from '../../../domain/vm-name.ts';
import type { VirtualDisk } from '../../../vsphere/vm/virtual-disk.ts';
import {
  missingPrivileges,
  RESTART_PRIVILEGES,
  SHUTDOWN_PRIVILEGES,
  SNAPSHOT_PRIVILEGES,
} from '../../../vsphere/inventory/privileges.ts';
import { readVmFacts, type VmFacts } from '../../../vsphere/vm/vm-facts.ts';
import type { VsphereClient } from '../../../vsphere/session/vsphere-client.ts';
import { readVmHardware, type VmHardware } from '../../../vsphere/vm/vm-hardware.ts';
import type { FirmwareNeeds } from '../../../guest/boot/qemu/uefi-firmware.ts';
import { PARTIAL_SUFFIX } from '../../../base/output/member-names.ts';
import { checkBootTest } from '../../boot-test/boot-test.ts';
import { checkDefinable } from '../../domain/define-domain.ts';
import { obstacleOfGuest, requireForGuest } from '../../domain/foreign-guest.ts';
import { doubtAboutFix, requireFixable } from '../../fix-guest/fix-images.ts';
import { existsSentence } from '../../file-writer.ts';
import type { FoundVm } from './find-vms.ts';
import { diskFileName, finalNames, FORMATS } from '../target/formats.ts';
import { freeGenerationName } from '../history/generations.ts';
import { inspectVm } from './inspect-vm.ts';
import type { ExportOptions, ExportPlan, PowerChoice, PreflightFinding } from '../types.ts';

const OTHER_NAME =
  'Name the files otherwise with --name NAME (for one VM), or choose an --output on another file system.';

/** A plan with what it was made from. */
export interface PlannedVm {
  plan: ExportPlan;
  facts: VmFacts;
  /** Of which its domain's name is made. */
  named: NamedVm;
}

/** Looks at a VM and at the output folder, and says what an export would do. Changes nothing anywhere. */
export async function planVm(
  client: VsphereClient,
  found: FoundVm,
  options: ExportOptions,
  isOneOfSeveral: boolean,
  signal: AbortSignal,
): Promise<PlannedVm> {
  const { vm, baseName } = found;
  const facts = await readVmFacts(client, vm.ref, signal);
  const output = await placeOf(options, baseName, isOneOfSeveral);
  const disks = facts.disks.map((disk, index) => ({
    disk: diskFileName(baseName, index, options.format),
    label: disk.label,
    datastoreFile: disk.fileName,
    capacityBytes: disk.capacityBytes,
    expectedBytes: expectedBytes(disk, facts),
  }));
  const files = finalNames(
    options.format,
    { baseName, disks: disks.map(({ disk }) => disk), hasNvram: facts.hasNvram },
    options.kubevirt,
  );
  const plan: ExportPlan = {
    vm: vm.name,
    moRef: vm.ref.value,
    inventoryPath: vm.inventoryPath,
    powerState: facts.powerState,
    guest: facts.guest,
    format: options.format,
    output,
    disks,
    files,
    expectedBytes: disks.reduce((sum, disk) => sum + disk.expectedBytes, 0),
    freeBytes: await freeBytes(output),
    findings: inspectVm(vm.name, facts, options.power),
  };
  plan.findings.push(...(await inspectHost(client, found, options, signal)));
  plan.findings.push(...(await inspectPrivileges(client, facts, options.power, signal)));
  plan.findings.push(...(await inspectOutput(plan, facts, options)));
  return { plan, facts, named: namedVm(found) };
}

function namedVm({ outputName: name, identity, sharesName }: FoundVm): NamedVm {
  return { name, identity, sharesName };
}

/** The error for a plan that cannot be carried out: its first finding that is one. Undefined for a good plan. */
export function refusalOf({ vm, findings }: Pick<ExportPlan, 'vm' | 'findings'>): Hyper2kvmError | undefined {
  const errors = findings.filter(({ level }) => level === 'error');
  const [first] = errors;
  if (!first) return undefined;
  const more = errors.length > 1 ? ` (${errors.length - 1} more: see --dry-run)` : '';
  const sentence = `${vm} cannot be exported: ${first.detail}${more}`;
  return new Hyper2kvmError(first.kind ?? 'internal', sentence, first.hint === undefined ? {} : { hint: first.hint });
}

/** A generation has a folder of its own, in one of the VM. */
async function placeOf({ output, keep }: ExportOptions, baseName: string, isOneOfSeveral: boolean): Promise<string> {
  const folder = outputFolder(output, baseName, isOneOfSeveral || keep !== undefined);
  return keep === undefined ? folder : join(folder, await freeGenerationName(folder, new Date()));
}

/** The folder of a VM's files, or of its generations. */
export function outputFolder(asked: string | undefined, baseName: string, isOneOfSeveral: boolean): string {
  if (asked === undefined) return resolve(baseName);
  return isOneOfSeveral ? join(resolve(asked), baseName) : resolve(asked);
}

/** The compressed stream is nearly always smaller than what the disk's files occupy, so this is an upper bound but for incompressible data. */
function expectedBytes(disk: VirtualDisk, facts: VmFacts): number {
  const occupied = facts.occupiedBytes.get(disk.key);
  return occupied === undefined ? disk.capacityBytes : Math.min(occupied, disk.capacityBytes);
}

/** What the guest's fix and its proof need here, before hours of download. */
async function inspectHost(
  client: VsphereClient,
  found: FoundVm,
  options: ExportOptions,
  signal: AbortSignal,
): Promise<PreflightFinding[]> {
  const { format, guest, bootTest, define, force, env } = options;
  if (!FORMATS[format].image) return [];
  const findings: PreflightFinding[] = [];
  const hardware = await readVmHardware(client, found.vm.ref, signal);
  const architecture = architectureOf(hardware);
  try {
    const request = { vm: found.vm.name, architecture, hardware: options.hardware, bootTest };
    requireForGuest({ ...request, hasDomain: true });
    requireFixable(guest, { obstacle: obstacleOfGuest(architecture), env });
  } catch (error) {
    findings.push(findingOf('fix', error));
  }
  const doubt = doubtAboutFix(guest, hardware.guestId);
  if (doubt !== undefined) findings.push({ level: 'warning', check: 'fix', detail: doubt });
  const check = async (what: string, look: () => Promise<unknown>): Promise<void> => {
    try {
      await look();
    } catch (error) {
      findings.push(findingOf(what, error));
    }
  };
  if (bootTest) await check('boot test', () => checkBootTest(env, firmwareNeeds(hardware)));
  const machine = { ...namedVm(found), uuid: hardware.biosUuid || undefined };
  if (define !== undefined) await check('libvirt', () => checkDefinable({ uri: define, env }, machine, force, signal));
  return findings;
}

function firmwareNeeds({ firmware, secureBoot }: VmHardware): FirmwareNeeds | undefined {
  return firmware === 'uefi' ? { machine: 'q35', secureBoot } : undefined;
}

/** Anything else than a refusal of ours is thrown on. */
function findingOf(check: string, error: unknown): PreflightFinding {
  if (!(error instanceof Hyper2kvmError)) throw error;
  const { kind, message, hint } = error;
  return { level: 'error', kind, check, detail: message, ...(hint === undefined ? {} : { hint }) };
}

/** A snapshot that may be made but not removed would stay; and one made for a lease that is refused then costs for nothing. */
async function inspectPrivileges(
  client: VsphereClient,
  facts: VmFacts,
  power: PowerChoice,
  signal: AbortSignal,
): Promise<PreflightFinding[]> {
  const missing = await missingPrivileges(client, facts.ref, ['VApp.Export', ...privilegesOf(power, facts)], signal);
  return missing.map((privilege) => ({
    level: 'error',
    kind: 'authentication',
    check: 'privileges',
    detail: `the account lacks ${privilege} on the VM.`,
    hint: `Add ${privilege} to the role of the account.`,
  }));
}

function privilegesOf(power: PowerChoice, { template, powerState }: VmFacts): readonly string[] {
  if (power.kind === 'snapshot' && !template) return SNAPSHOT_PRIVILEGES;
  if (power.kind !== 'shutdown' || powerState === 'poweredOff') return [];
  return [...SHUTDOWN_PRIVILEGES, ...(power.restart ? RESTART_PRIVILEGES : [])];
}

async function inspectOutput(
  plan: ExportPlan,
  facts: VmFacts,
  { force, env }: Pick<ExportOptions, 'force' | 'env'>,
): Promise<PreflightFinding[]> {
  const findings = [inspectSpace(plan, facts)];
  let isWritable = false;
  try {
    await checkWritable(plan.output);
    isWritable = true;
    findings.push({ level: 'ok', check: 'output', detail: `${plan.output} can be written` });
    const names = plan.files.flatMap((name) => [name, name + PARTIAL_SUFFIX]);
    await checkNames(plan.output, names, OTHER_NAME);
  } catch (error) {
    if (isWritable) findings.push(findingOf('names', error));
    else findings.push({ level: 'error', kind: 'local-file', check: 'output', detail: sentenceOf(error) });
  }
  for (const name of plan.files) {
    const path = join(plan.output, name);
    const found = await lstat(path).catch(() => undefined);
    if (found?.isDirectory() === true && force) {
      const detail = `${path} is a folder, which --force does not replace.`;
      findings.push({ level: 'error', kind: 'local-file', check: 'names', detail, hint: 'Move it away.' });
    }
    if (found === undefined || force) continue;
    const hint = 'Choose another --output, or replace it with --force.';
    const detail = await existsSentence(path, env);
    findings.push({ level: 'error', kind: 'local-file', check: 'names', detail, hint });
  }
  return findings;
}

/** A thick disk occupies its whole capacity however little it holds, so that only a thin disk's size is a reason to refuse. */
function inspectSpace(plan: ExportPlan, facts: VmFacts): PreflightFinding {
  const check = 'free space';
  const expected = formatBytes(plan.expectedBytes);
  const needed = `at most ${expected} are expected, ${formatBytes(plan.freeBytes)} are free in ${plan.output}`;
  if (plan.expectedBytes <= plan.freeBytes) return { level: 'ok', check, detail: needed };
  const thin = facts.disks.filter((disk) => disk.thin).reduce((sum, disk) => sum + expectedBytes(disk, facts), 0);
  const hint = 'Free some space there, or choose another --output.';
  return thin > plan.freeBytes
    ? { level: 'error', kind: 'local-file', check, detail: `${needed}.`, hint }
    : { level: 'warning', check, detail: `${needed}; the disks are thick and may hold less.`, hint };
}
