import { rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { Hyper2kvmError } from '../../base/errors.ts';
import { checkWritable, freeBytes } from '../../base/free-space.ts';
import { WorkerPool } from '../../image/copy/worker-pool.ts';
import { giveFinalNames } from '../../ovf/final-names.ts';
import { makeFolder, removeMadeFolders } from '../../ovf/local-folder.ts';
import { PARTIAL_SUFFIX } from '../../ovf/member-names.ts';
import type { FirmwareNeeds } from '../../guest/boot/uefi-firmware.ts';
import { bootTest, checkBootTest } from '../boot-test/boot-test.ts';
import type { FixEvent } from '../fix-guest/types.ts';
import type { OperationContext } from '../operation-context.ts';
import { convertDisk } from './convert-disk.ts';
import { layOut, takenNames, type Layout } from './convert-layout.ts';
import type { SourceDisk } from './convert-source.ts';
import { fitnessOf, fixConverted, requireFixable, withSizes } from './fix-converted.ts';
import type { ConvertedDisk, ConvertEvent, ConvertOptions, ConvertPlan, ConvertResult } from './types.ts';
import { writeDomain } from './write-domain.ts';

/**
 * Converts an image, or all disks of a package, for KVM; of a package it also writes the libvirt domain. Nothing stands under a final name before all of it is whole, and
 * nothing is left of a conversion that failed.
 */
export async function convert(
  options: ConvertOptions,
  context: OperationContext<ConvertEvent>,
): Promise<ConvertResult> {
  const result = await convertAndFix(options, context);
  const target = result.domain ?? result.disks[0]?.path;
  if (options.bootTest === undefined || target === undefined) return result;
  const { env } = options.bootTest;
  return { ...result, bootTest: await bootTest({ ...PLAIN_BOOT_TEST, target, env }, context) };
}

async function convertAndFix(
  options: ConvertOptions,
  { signal, report }: OperationContext<ConvertEvent>,
): Promise<ConvertResult> {
  const startedAt = Date.now();
  const layout = await layOut(options, signal);
  const taken = await takenNames(layout, options.force);
  if (taken.length > 0) throw nameTaken(taken);
  // What proves the result must be there before hours of work.
  if (options.bootTest) await checkBootTest(options.bootTest.env, firmwareNeeds(layout));
  const vm = layout.source.baseName;
  const { warnings } = layout;
  for (const message of warnings) report({ type: 'warning', vm, message });
  const isOneOfSeveral = layout.disks.length < layout.source.disks.length;
  requireFixable(options.guest, options.format, isOneOfSeveral);
  // Before the folder is made: in /proc, for one, Node's recursive mkdir would try for ever.
  await checkWritable(layout.folder);
  const madeFolder = await makeFolder(layout.folder);
  report({
    type: 'disks',
    vm,
    disks: layout.disks.map(({ path, capacityBytes }) => ({ disk: basename(path), capacityBytes })),
  });
  let converted: ConvertedDisk[] = [];
  await using pool = new WorkerPool();
  try {
    for (const disk of layout.disks) {
      const task = { vm, ...disk, options, pool, container: layout.source.container };
      converted.push(await convertOne(task, report, signal));
    }
    const nics = layout.source.machine?.nics ?? [];
    const onFix = ({ detail }: FixEvent): void => report({ type: 'step', vm, step: 'fix', detail });
    const guest = await fixConverted({ disks: converted, nics }, options.guest, isOneOfSeveral, onFix, signal);
    if (options.guest.planOnly) {
      await removePartials(converted, layout.folder, madeFolder);
      return {
        source: options.source,
        disks: [],
        domain: undefined,
        hardware: undefined,
        guest,
        warnings,
        seconds: secondsSince(startedAt),
      };
    }
    converted = await withSizes(converted, guest);
    const paths = converted.map(({ path }) => path);
    const hardware = await writeDomain(layout, converted, options, fitnessOf(guest), signal);
    if (layout.domainPath !== undefined) paths.push(layout.domainPath);
    signal.throwIfAborted();
    await giveFinalNames(layout.folder, paths, options.force);
    const seconds = secondsSince(startedAt);
    return { source: options.source, disks: converted, domain: layout.domainPath, hardware, guest, warnings, seconds };
  } catch (error) {
    if (layout.domainPath !== undefined) await rm(layout.domainPath + PARTIAL_SUFFIX, { force: true });
    await removePartials(converted, layout.folder, madeFolder);
    throw error;
  }
}

/** All as the domain has it, within the limits of time that a boot test has by itself. */
const PLAIN_BOOT_TEST = {
  timeoutMs: undefined,
  firmware: undefined,
  memoryBytes: undefined,
  accelerator: 'auto',
} as const;

function firmwareNeeds({ source, domainPath }: Layout): FirmwareNeeds | undefined {
  if (domainPath === undefined || source.machine?.firmware !== 'uefi') return undefined;
  return { machine: 'q35', secureBoot: source.machine.secureBoot };
}

async function removePartials(
  converted: readonly ConvertedDisk[],
  folder: string,
  madeFolder: string | undefined,
): Promise<void> {
  for (const { path } of converted) await rm(path + PARTIAL_SUFFIX, { force: true });
  await removeMadeFolders(folder, madeFolder);
}

function secondsSince(startedAt: number): number {
  return (Date.now() - startedAt) / 1000;
}

/** What `convert` would do with the same options. Writes nothing. */
export async function planConversion(options: ConvertOptions, signal: AbortSignal): Promise<ConvertPlan> {
  const layout = await layOut(options, signal);
  const disks: ConvertPlan['disks'] = [];
  for (const { disk, path } of layout.disks) disks.push({ path, ...(await lookAt(disk, signal)) });
  return {
    source: options.source,
    container: layout.source.container,
    disks,
    domain: layout.domainPath,
    freeBytes: await freeBytes(layout.folder),
    taken: await takenNames(layout, options.force),
  };
}

interface OneDisk {
  vm: string;
  disk: SourceDisk;
  path: string;
  capacityBytes: number;
  options: ConvertOptions;
  pool: WorkerPool;
  container: string;
}

async function convertOne(
  { vm, disk, path, capacityBytes, options, pool, container }: OneDisk,
  report: (event: ConvertEvent) => void,
  signal: AbortSignal,
): Promise<ConvertedDisk> {
  const name = basename(path);
  const startedAt = Date.now();
  report({ type: 'disk-started', vm, disk: name, capacityBytes, attempt: 1 });
  const onProgress = (coveredBytes: number) =>
    report({ type: 'disk-progress', vm, disk: name, receivedBytes: coveredBytes, coveredBytes });
  const onVerify = () => report({ type: 'step', vm, step: 'verify', detail: `Reading ${name} back` });
  const task = { source: options.source, container, disk, path, options, pool, onProgress, onVerify };
  const converted = await convertDisk(task, signal);
  const seconds = (Date.now() - startedAt) / 1000;
  report({ type: 'disk-whole', vm, disk: name, sizeBytes: converted.sizeBytes, sha256: '', seconds });
  return converted;
}

function nameTaken(taken: readonly string[]): Hyper2kvmError {
  return new Hyper2kvmError('local-file', `${taken[0]} exists.`, {
    hint: 'Choose another --output, or replace it with --force.',
  });
}

async function lookAt(disk: SourceDisk, signal: AbortSignal) {
  if (disk.kind === 'stream') {
    const { capacityBytes, packaged } = disk;
    const usedBytes = packaged.disk.populatedBytes ?? capacityBytes;
    return {
      sourceFormat: 'vmdk' as const,
      sourceVariant: 'streamOptimized',
      virtualSizeBytes: capacityBytes,
      usedBytes,
      expectedBytes: usedBytes,
    };
  }
  await using image = await disk.open();
  let usedBytes = 0;
  for await (const run of image.map(0, image.virtualSizeBytes)) {
    signal.throwIfAborted();
    if (run.kind === 'data' || run.kind === 'compressed') usedBytes += run.lengthBytes;
  }
  const { format: sourceFormat, variant: sourceVariant, virtualSizeBytes } = image;
  return { sourceFormat, sourceVariant, virtualSizeBytes, usedBytes, expectedBytes: usedBytes };
}
