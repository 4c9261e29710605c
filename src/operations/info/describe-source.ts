import { openSourceDisk, findSource, type ConvertSource, type SourceDisk } from '../convert/convert-source.ts';
import type { InfoDisk, InfoOptions, SourceInfo } from './types.ts';

/**
 * Describes a disk image, an OVF, an OVA or a `.vmx`: its VM, and its disks. Reads headers and tables only, except that
 * a compressed OVA is read to its end.
 * @throws Hyper2kvmError as a conversion of the source would.
 */
export async function describeSource(options: InfoOptions, signal: AbortSignal): Promise<SourceInfo> {
  const source = await findSource(options.source, options, signal);
  const disks: InfoDisk[] = [];
  for (const index of source.disks.keys()) {
    signal.throwIfAborted();
    const disk = await openSourceDisk(source, index + 1, options);
    try {
      disks.push(await describeDisk(source, index, disk, signal));
    } finally {
      if (disk.kind === 'image') await disk.image[Symbol.asyncDispose]();
    }
  }
  const { container, machine, members, warnings } = source;
  const manifestFiles = members.length === 0 ? null : members.length;
  const { inspect, inputFormat } = options;
  const facts = { source: options.source, container, machine, manifestFiles, disks, warnings };
  if (inspect === undefined) return facts;
  // The code that reads guests is loaded only when one is read.
  const { inspectGuest } = await import('./inspect-guest.ts');
  return { ...facts, guest: await inspectGuest(source, inspect, inputFormat, signal) };
}

async function describeDisk(
  source: ConvertSource,
  index: number,
  disk: SourceDisk,
  signal: AbortSignal,
): Promise<InfoDisk> {
  const origin = source.origins[index] ?? { label: null, file: null };
  const common = { source: origin, controller: controllerOf(source, index) };
  if (disk.kind === 'stream') {
    const { capacityBytes, packaged } = disk;
    const usedBytes = Math.min(capacityBytes, packaged.disk.populatedBytes ?? capacityBytes);
    const stream = { format: 'vmdk', variant: 'streamOptimized', virtualSizeBytes: capacityBytes } as const;
    return { ...common, ...stream, usedBytes, sizeBytes: packaged.sizeBytes, files: [source.path] };
  }
  const { format, variant, virtualSizeBytes, files } = disk.image;
  let usedBytes = 0;
  for await (const run of disk.image.map(0, virtualSizeBytes)) {
    signal.throwIfAborted();
    if (run.kind === 'data' || run.kind === 'compressed') usedBytes += run.lengthBytes;
  }
  const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  return { ...common, format, variant, virtualSizeBytes, usedBytes, sizeBytes, files: files.map(({ path }) => path) };
}

function controllerOf({ machine }: ConvertSource, index: number): string | null {
  const { controller, unitNumber } = machine?.disks[index] ?? {};
  if (controller === undefined) return null;
  return `${controller.kind} ${controller.address}${unitNumber === undefined ? '' : `:${unitNumber}`}`;
}
