import { join } from 'node:path';
import { freeBytes } from '../../../base/files/free-space.ts';
import { requireKnownMacs } from '../../../domain/networks.ts';
import type { NamedVm } from '../../../domain/vm-name.ts';
import type { VsphereClient } from '../../../vsphere/session/vsphere-client.ts';
import { numbersOf, selectDisks, type SelectedFacts } from '../../../vsphere/vm/select-disks.ts';
import { readVmFacts } from '../../../vsphere/vm/vm-facts.ts';
import { readVmHardware } from '../../../vsphere/vm/vm-hardware.ts';
import { freeGenerationName } from '../history/generations.ts';
import { diskFileName, finalNames } from '../target/formats.ts';
import { outputFolder } from '../target/output-folder.ts';
import type { ExportOptions, ExportPlan, LeftOutDisk, PreflightFinding } from '../types.ts';
import { findingOf } from './findings.ts';
import { namedVm, type FoundVm } from './find-vms.ts';
import { inspectHost } from './inspect-host.ts';
import { expectedBytes, inspectOutput } from './inspect-output.ts';
import { NFC_PRIVILEGES } from '../../../vsphere/inventory/privileges.ts';
import { inspectPrivileges } from './inspect-privileges.ts';
import { inspectVm } from './inspect-vm.ts';

/** A plan and the data it is based on. */
export interface PlannedVm {
  plan: ExportPlan;
  facts: SelectedFacts;
  /** The values from which the domain's name is made. */
  named: NamedVm;
}

/** Inspects a VM and the output folder, and returns what an export would do. Changes nothing. */
export async function planVm(
  client: VsphereClient,
  found: FoundVm,
  options: ExportOptions,
  isOneOfSeveral: boolean,
  signal: AbortSignal,
): Promise<PlannedVm> {
  const { vm, baseName } = found;
  const facts = selectDisks(found.label, await readVmFacts(client, vm.ref, signal), options.disks);
  const output = await placeOf(options, baseName, isOneOfSeveral);
  const numbers = numbersOf(facts.disks, facts);
  const disks = facts.disks.map((disk, index) => ({
    disk: diskFileName(baseName, numbers[index] ?? index + 1, options.encode.format),
    label: disk.label,
    datastoreFile: disk.fileName,
    capacityBytes: disk.capacityBytes,
    expectedBytes: expectedBytes(disk, facts),
  }));
  const files = finalNames(
    options.encode.format,
    { baseName, disks: disks.map(({ disk }) => disk), hasNvram: facts.hasNvram },
    options,
  );
  const plan: ExportPlan = {
    vm: found.label,
    moRef: vm.ref.value,
    inventoryPath: vm.inventoryPath,
    powerState: facts.powerState,
    guest: facts.guest,
    format: options.encode.format,
    output,
    disks,
    ...leftOutOf(facts),
    files,
    expectedBytes: disks.reduce((sum, disk) => sum + disk.expectedBytes, 0),
    freeBytes: await freeBytes(output),
    findings: inspectVm(found.label, facts, options.power, { canLeaveOut: true }),
  };
  plan.findings.push(...(await inspectHost(client, found, options, signal)));
  // With `auto`, the lease replaces NFC where it is not permitted.
  const forReads = options.transport === 'nfc' ? NFC_PRIVILEGES : [];
  plan.findings.push(...(await inspectPrivileges(client, facts, options.power, signal, forReads)));
  plan.findings.push(...(await inspectOutput(plan, facts, options)));
  plan.findings.push(...(await inspectNics(client, found, options, signal)));
  return { plan, facts, named: namedVm(found) };
}

/** The NICs are read only if options name them: a wrong MAC address must not be found after hours of transfer. */
async function inspectNics(
  client: VsphereClient,
  { vm, label }: FoundVm,
  { networks }: ExportOptions,
  signal: AbortSignal,
): Promise<PreflightFinding[]> {
  if (networks?.macs === undefined) return [];
  const { nics } = await readVmHardware(client, vm.ref, signal);
  try {
    requireKnownMacs(label, nics, networks);
    return [];
  } catch (error) {
    return [findingOf('NICs', error)];
  }
}

function leftOutOf(facts: SelectedFacts): { leftOut?: LeftOutDisk[] } {
  const { leftOut, diskNumbers } = facts;
  if (leftOut.length === 0) return {};
  return {
    leftOut: leftOut.map(({ key, label, fileName: datastoreFile, capacityBytes }) => {
      return { number: diskNumbers.get(key) ?? 0, label, datastoreFile, capacityBytes };
    }),
  };
}

/** A generation has its own folder inside the folder of the VM. */
async function placeOf({ output, keep }: ExportOptions, baseName: string, isOneOfSeveral: boolean): Promise<string> {
  const folder = outputFolder(output, baseName, isOneOfSeveral || keep !== undefined);
  return keep === undefined ? folder : join(folder, await freeGenerationName(folder, new Date()));
}
