import { stat } from 'node:fs/promises';
import { dirname, extname, join, resolve } from 'node:path';
import { Hyper2kvmError } from '../../base/errors.ts';
import { requireSize } from '../../image/create-sink.ts';
import { requireNeededSize } from '../../image/content/needed-size.ts';
import { requireKnownMacs } from '../../domain/networks.ts';
import { descriptionName } from '../domain/make-domain.ts';
import { findGuestNet, foreignNics } from '../guest-net/read-guest-net.ts';
import type { NetworkOptions } from '../domain/types.ts';
import { manifestName } from '../image-manifest.ts';
import { findSource, openSourceDisk, type ConvertSource } from './convert-source.ts';
import type { Layout, PlannedDisk } from './layout.ts';
import { requireOwnNames } from './output-names.ts';
import type { ConvertOptions } from './types.ts';

const NO_GUEST_RUNS_FROM_IT =
  'QEMU cannot write to a streamOptimized VMDK: convert it to qcow2 where the libvirt domain is to run.';

/** Opens the source and names the files to write. Writes nothing. */
export async function layOut(options: ConvertOptions, signal: AbortSignal): Promise<Layout> {
  const source = renamed(await findSource(options.source, options, signal), options.name);
  const all = source.disks.map((_disk, index) => index + 1);
  const wanted = options.disks;
  const numbers = wanted === undefined ? all : all.filter((number) => wanted.includes(number));
  if (all.length === 0) throw noDisks(source);
  const unknown = wanted?.find((number) => !all.includes(number));
  if (unknown !== undefined) {
    throw new Hyper2kvmError('usage', `--disk ${unknown} does not exist: ${options.source} has ${all.length}.`);
  }
  const leftOut = source.origins.filter((_, index) => !numbers.includes(index + 1));
  const hasDomain = source.machine !== undefined && wanted === undefined;
  if (!hasDomain) refuseDomainOptions(options);
  if (source.machine !== undefined && options.networks !== undefined) {
    requireKnownMacs(source.machine.name, source.machine.nics, options.networks);
  }
  const { folder, file } = await outputPlace(options, numbers.length);
  if (options.name !== undefined && file !== undefined && !hasDomain) throw twoNames(options);
  await using opened = new AsyncDisposableStack();
  const disks: PlannedDisk[] = [];
  for (const number of numbers) {
    signal.throwIfAborted();
    const disk = await openSourceDisk(source, number, options);
    if (disk.kind === 'image') opened.use(disk.image);
    const suffix = source.container === 'image' ? '' : `-disk-${number}`;
    const path = file ?? join(folder, `${source.baseName}${suffix}.${options.encode.format}`);
    const origin = source.origins[number - 1] ?? { label: null, file: null };
    const capacityBytes = disk.kind === 'image' ? disk.image.virtualSizeBytes : disk.capacityBytes;
    const uuid = disk.kind === 'image' ? disk.image.diskUuid : disk.uuid;
    disks.push({ disk, origin, path, capacityBytes, uuid });
  }
  for (const { capacityBytes } of disks) {
    requireSize(options.encode, capacityBytes);
  }
  const warnings = [...source.warnings, ...disks.flatMap(otherCapacity)];
  for (const { disk } of disks) {
    const warning = disk.kind === 'image' ? await requireNeededSize(disk.image, options.force) : undefined;
    if (warning !== undefined) warnings.push(warning);
  }
  const guestNet = await findGuestNet(options.source, options.guestNet);
  const macs = source.machine?.nics.map(({ mac }) => mac);
  const foreign = guestNet && macs && foreignNics(guestNet, macs);
  if (foreign !== undefined) warnings.push(foreign);
  if (hasDomain && options.encode.format === 'vmdk') warnings.push(NO_GUEST_RUNS_FROM_IT);
  const domainPath = hasDomain ? join(folder, descriptionName(source.baseName, options.kubevirt)) : undefined;
  const manifestPath = options.manifest === true ? manifestFor(domainPath ?? disks[0]?.path ?? '') : undefined;
  await requireOwnNames(source, { disks, domainPath, manifestPath });
  const kept = opened.move();
  const paths = { domainPath, manifestPath };
  const layout = { source, folder, disks, leftOut, warnings, guestNet, ...paths };
  return { ...layout, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** The manifest has the name of the domain, or else of the first image: other disks can follow into the same folder. */
function manifestFor(path: string): string {
  return manifestName(path.slice(0, path.length - extname(path).length));
}

function renamed(source: ConvertSource, name: string | undefined): ConvertSource {
  if (name === undefined) return source;
  return { ...source, baseName: name, machine: source.machine && { ...source.machine, name } };
}

function twoNames({ name, output }: ConvertOptions): Hyper2kvmError {
  return new Hyper2kvmError('usage', `--name ${name} and --output ${output} both give the name of the output file.`, {
    hint: 'Omit --name, or give a folder as --output.',
  });
}

function noDisks({ path, warnings }: ConvertSource): Hyper2kvmError {
  return new Hyper2kvmError('image', `${path} does not describe any disk of the VM.`, {
    hint: [...warnings, 'There is nothing to convert.'].join(' '),
  });
}

/** Hand-written and older descriptors contain wrong capacities. virt-v2v uses the file's capacity too. */
function otherCapacity({ disk, origin, capacityBytes }: PlannedDisk): string[] {
  const described = disk.packaged?.disk.capacityBytes;
  const file = origin.file;
  if (described === undefined || described === capacityBytes || file === null) return [];
  return [
    `The disk in ${JSON.stringify(file)} has ${capacityBytes} bytes, but the descriptor gives ${described}. The size of the file is used.`,
  ];
}

/** A domain is written only for a complete VM. Domain options that would have no effect are rejected. */
function refuseDomainOptions({ source, disks, hardware, networks, define, kubevirt }: ConvertOptions): void {
  const given = [
    hardware !== 'auto' && '--hardware',
    networks !== undefined && networkFlag(networks),
    define !== undefined && '--define',
    kubevirt === true && '--kubevirt',
  ];
  const flag = given.find((each) => each !== false);
  if (flag === undefined) return;
  const why =
    disks === undefined ? `${source} is only a disk, without a VM configuration` : '--disk converts only a part of it';
  throw new Hyper2kvmError('usage', `${flag} applies to the domain of a complete VM, but ${why}.`, {
    hint: `Omit ${flag}, or convert the OVF, OVA or .vmx of the VM${disks === undefined ? '' : ' without --disk'}.`,
  });
}

function networkFlag({ all, of, bridges, macs }: NetworkOptions): string {
  const isMapped = all !== undefined || of.size > 0;
  return !isMapped && bridges !== undefined ? '--bridge' : !isMapped && macs !== undefined ? '--mac' : '--network';
}

/**
 * `--output` is a folder if it exists as one, ends with a slash, or receives several disks; otherwise it is the file
 * itself.
 */
async function outputPlace(
  { output }: ConvertOptions,
  disks: number,
): Promise<{ folder: string; file: string | undefined }> {
  if (output === undefined) return { folder: resolve('.'), file: undefined };
  const path = resolve(output);
  const isFolder =
    output.endsWith('/') ||
    (await stat(path).then(
      (found) => found.isDirectory(),
      () => false,
    ));
  if (isFolder || (disks > 1 && extname(path) === '')) return { folder: path, file: undefined };
  if (disks > 1) {
    throw new Hyper2kvmError('usage', `${output} is one file, but ${disks} disks are to be converted.`, {
      hint: 'Give a folder as --output, or choose one disk with --disk.',
    });
  }
  return { folder: dirname(path), file: path };
}
