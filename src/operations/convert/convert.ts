import { basename } from 'node:path';
import { Hyper2kvmError } from '../../base/errors.ts';
import { FileClaims } from '../../base/claims/file-claim.ts';
import { checkWritable } from '../../base/files/free-space.ts';
import { FolderOutput } from '../../base/output/folder-output.ts';
import type { FirmwareNeeds } from '../../guest/boot/qemu/uefi-firmware.ts';
import type { LibvirtConnection } from '../../domain/libvirt/virsh.ts';
import { checkDefinable, defineDomain } from '../domain/define-domain.ts';
import { requireForGuest } from '../domain/foreign-guest.ts';
import { withCustomization } from '../fix-guest/customize/customization.ts';
import { configuredNicsOf, doubtAboutFix, requireFixable } from '../fix-guest/fix-images.ts';
import { existsSentence } from '../file-writer.ts';
import type * as BootTest from '../boot-test/boot-test.ts';
import type { FixReport } from '../fix-guest/types.ts';
import type { OperationContext } from '../operation-context.ts';
import { findConverted, removeConvertedRecord } from './converted-record.ts';
import { layOut } from './convert-layout.ts';
import type { Layout } from './layout.ts';
import { finalPaths, removeLeftovers, removeOverlays, requireHoldable, takenNames } from './output-names.ts';
import { machineOf } from './described-machine.ts';
import { fixSteps, makeAll, obstacleOf } from './make-converted.ts';
import { planInPlace } from './plan-in-place.ts';
import { checkSpace, freeForOutput, spaceOf } from './output-space.ts';
import type { ConvertEvent, ConvertOptions, ConvertPlan, ConvertResult } from './types.ts';

/**
 * Converts an image, or all disks of a package, for KVM. For a package it also writes the libvirt domain. A file gets
 * its final name only when all of them are complete, and a failed conversion leaves nothing behind.
 */
export async function convert(
  options: ConvertOptions,
  context: OperationContext<ConvertEvent>,
): Promise<ConvertResult> {
  const result = await define(await convertAndFix(options, context), options, context.signal);
  const target = result.domain ?? result.disks[0]?.path;
  if (options.bootTest === undefined || target === undefined) return result;
  const { env, requireAddresses } = options.bootTest;
  const { bootTest, PLAIN_BOOT_TEST } = await loadBootTest();
  const configuredNics = configuredNicsOf(result.guest);
  const known = { configuredNics, guestNet: result.guestNet, requireAddresses };
  const bootOptions = { ...PLAIN_BOOT_TEST, target, keys: options.guest.keys, ...known, env };
  return { ...result, bootTest: await bootTest(bootOptions, context) };
}

async function define(result: ConvertResult, options: ConvertOptions, signal: AbortSignal): Promise<ConvertResult> {
  if (options.define === undefined || result.domain === undefined) return result;
  await defineDomain(libvirtOf(options.define, options), result.domain, signal);
  return { ...result, defined: options.define };
}

function libvirtOf(uri: string, { env = process.env }: ConvertOptions): LibvirtConnection {
  return { uri, env };
}

async function convertAndFix(
  given: ConvertOptions,
  { signal, report }: OperationContext<ConvertEvent>,
): Promise<ConvertResult> {
  const startedAt = Date.now();
  await using layout = await layOut(given, signal);
  const options = await withOwnGuest(given, layout, signal);
  const { folder, disks } = layout;
  const vm = layout.source.baseName;
  const { machine } = layout.source;
  if (machine !== undefined) {
    const { bootTest, hardware } = options;
    const flag = bootTest && '--boot-test';
    const request = { vm, architecture: machine.architecture, hardware, bootTest: flag };
    requireForGuest({ ...request, hasDomain: layout.domainPath !== undefined });
  }
  requireFixable(options.guest, { obstacle: obstacleOf(layout, options), env: options.env });
  if (options.guest.planOnly) {
    const guest = await planInPlace(layout, options, { signal, report: fixSteps(vm, report) });
    if (guest !== undefined) return planOf(options, guest, layout.warnings, startedAt);
  }
  const taken = await takenNames(layout, options.force);
  if (taken[0] !== undefined) throw await nameTaken(taken[0], options);
  // The tools for the boot test must be present before hours of work.
  if (options.bootTest) {
    const { checkBootTest } = await loadBootTest();
    await checkBootTest(options.bootTest.env, firmwareNeeds(layout));
  }
  if (options.define !== undefined && machine !== undefined) {
    await checkDefinable(libvirtOf(options.define, options), machineOf(machine), options.force, signal);
  }
  const mayLackSpace = await checkSpace(layout, options, signal);
  const doubt = doubtAboutFix(options.guest, machine?.guestId);
  const warnings = [...layout.warnings, ...[mayLackSpace, doubt].filter((warning) => warning !== undefined)];
  const warn = (message: string): void => report({ type: 'warning', vm, message });
  warnings.forEach(warn);
  // Checked before the folder is created, so that no empty folder remains if nothing can be written.
  await checkWritable(folder);
  await requireHoldable(layout);
  const output = await FolderOutput.open({ folder, force: options.force, mode: options.mode });
  let isKept = false;
  try {
    const claims = new FileClaims({
      env: options.env ?? process.env,
      onProblem: (message) => {
        warnings.push(message);
        warn(message);
      },
    });
    const names = finalPaths(layout).map((path) => basename(path));
    await output.claim(names, claims);
    const kept = await findConverted(layout, output, options, signal);
    if (kept === undefined) await removeLeftovers(layout);
    else await removeOverlays(layout);
    await removeConvertedRecord(layout);
    report({
      type: 'disks',
      vm,
      disks: disks.map(({ path, capacityBytes }) => ({ disk: basename(path), capacityBytes })),
    });
    const made = await makeAll({ layout, output, kept, keep: () => (isKept = true) }, options, report, signal);
    return {
      source: options.source,
      ...made,
      ...leftOutOf(layout),
      ...addressesOf(layout),
      warnings,
      seconds: (Date.now() - startedAt) / 1000,
    };
  } finally {
    await output.discard({ keepComplete: isKept });
  }
}

/** The options with the content of the files that a customization names for the VM of the source. */
async function withOwnGuest(options: ConvertOptions, { source }: Layout, signal: AbortSignal): Promise<ConvertOptions> {
  const guest = await withCustomization(options.guest, source.baseName, { env: options.env, signal });
  return { ...options, guest };
}

function planOf({ source }: ConvertOptions, guest: FixReport, warnings: string[], startedAt: number): ConvertResult {
  const nothing = { disks: [], domain: undefined, hardware: undefined, copySeconds: 0 };
  return { source, ...nothing, guest, warnings, seconds: (Date.now() - startedAt) / 1000 };
}

function addressesOf({ guestNet: found }: Layout): Pick<ConvertResult, 'guestNet'> {
  return found === undefined ? {} : { guestNet: { ...found, nics: [...found.nics], reason: null } };
}

function leftOutOf({ leftOut }: Layout): Pick<ConvertResult, 'leftOut'> {
  return leftOut.length === 0 ? {} : { leftOut };
}

function firmwareNeeds({ source, domainPath }: Layout): FirmwareNeeds | undefined {
  if (domainPath === undefined || source.machine?.firmware !== 'uefi') return undefined;
  return { machine: 'q35', secureBoot: source.machine.secureBoot };
}

/** Loaded only for conversions with a boot test. */
function loadBootTest(): Promise<typeof BootTest> {
  return import('../boot-test/boot-test.ts');
}

/** Reports what `convert` would do with the same options. Writes nothing. */
export async function planConversion(options: ConvertOptions, signal: AbortSignal): Promise<ConvertPlan> {
  await using layout = await layOut(options, signal);
  await withOwnGuest(options, layout, signal);
  const disks: ConvertPlan['disks'] = [];
  for (const planned of layout.disks) {
    const { disk, origin, path, capacityBytes } = planned;
    const { format, variant } =
      disk.kind === 'image' ? disk.image : ({ format: 'vmdk', variant: 'streamOptimized' } as const);
    const facts = { sourceFormat: format, sourceVariant: variant, virtualSizeBytes: capacityBytes };
    disks.push({ path, source: origin, ...facts, ...(await spaceOf(planned, options, signal)) });
  }
  const taken = await takenNames(layout, options.force);
  return {
    source: options.source,
    container: layout.source.container,
    disks,
    ...leftOutOf(layout),
    domain: layout.domainPath,
    warnings: layout.warnings,
    freeBytes: await freeForOutput(layout),
    taken,
    ...(taken[0] !== undefined && { refusal: (await nameTaken(taken[0], options)).message }),
  };
}

async function nameTaken(path: string, { env = process.env }: ConvertOptions): Promise<Hyper2kvmError> {
  return new Hyper2kvmError('local-file', await existsSentence(path, env), {
    hint: 'Choose another --output, or overwrite it with --force.',
  });
}
