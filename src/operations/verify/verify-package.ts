import { realpath } from 'node:fs/promises';
import { formatBytes, formatCount } from '../../base/text/amounts.ts';
import { copyWindows } from '../../image/copy/copy-image.ts';
import { createNullSink } from '../../image/create-sink.ts';
import { GrainWindows } from '../../image/vmdk/stream/grain-windows.ts';
import { StreamOptimizedCheck } from '../../image/vmdk/stream/stream-optimized-check.ts';
import type { PackageDisk, PackagePart } from '../../ovf/read/package-disk.ts';
import { PackageReader } from '../../ovf/read/package-reader.ts';
import { findSource, openSourceDisk, type ConvertSource, type SourceDisk } from '../convert/convert-source.ts';
import { verifyImage } from './verify-image.ts';
import type { ItemFindings, VerifyRun } from './verify-run.ts';

/**
 * Checks an OVF, an OVA or a `.vmx`: the descriptor, that all files are there with their sizes, the digests of the
 * manifest, and the structure of every disk.
 */
export async function verifyPackage(path: string, findings: ItemFindings, run: VerifyRun): Promise<void> {
  let source: ConvertSource | undefined;
  const opened = await findings.check(
    path,
    async () => void (source = await findSource(path, {}, run.signal)),
    run.signal,
  );
  if (!opened || source === undefined) return;
  const { container, disks, files, members, machine, warnings } = source;
  for (const file of [path, ...files]) run.covered.add(await realpath(file));
  const what = container === 'vmx' ? 'VM configuration' : 'descriptor';
  const isListed = members.length > 0 ? `, ${formatCount(members.length, 'file')} of the manifest present` : '';
  findings.ok(path, `${what} of ${machine?.name ?? 'a VM'} with ${formatCount(disks.length, 'disk')}${isListed}`);
  for (const message of warnings) findings.warning(path, message, 'Check whether this is intended.');
  if (container !== 'vmx' && members.length === 0) {
    findings.warning(path, 'there is no manifest, so changed files cannot be detected', 'Export it with a manifest.');
  }
  await using reader = new PackageReader(
    { path, container: container === 'vmx' || container === 'image' ? 'folder' : container },
    run.signal,
  );
  if (!run.quick) await verifyMembers(source, reader, findings, run);
  for (const [index, disk] of disks.entries()) await verifyDisk(source, { index, disk, reader }, findings, run);
}

/** Reads the files of the manifest that no disk check reads: their digests are compared at their end. */
async function verifyMembers(
  { path, container, disks, members }: ConvertSource,
  reader: PackageReader,
  findings: ItemFindings,
  run: VerifyRun,
): Promise<void> {
  const streamed = new Set(
    disks.flatMap((disk) => (typeof disk === 'string' || isInPlace(container, disk) ? [] : disk.parts.map(keyOf))),
  );
  const others = members.filter((part) => !streamed.has(keyOf(part)));
  for (const part of others.toSorted((a, b) => a.offsetBytes - b.offsetBytes)) {
    const place = container === 'folder' ? part.path : `${path}/${part.name}`;
    const isGood = await findings.check(
      place,
      async () => {
        const file = { parts: [part], sizeBytes: part.sizeBytes, gzip: false, head: new Uint8Array() };
        await drain(reader.read(file), run.progressOf(part.name, part.sizeBytes));
        findings.ok(place, `${formatBytes(part.sizeBytes)}, ${part.digest?.algorithm ?? 'digest'} as in the manifest`);
      },
      run.signal,
    );
    if (isGood && container === 'folder') run.proven.add(await realpath(part.path));
  }
}

async function verifyDisk(
  source: ConvertSource,
  { index, disk, reader }: { index: number; disk: PackageDisk | string; reader: PackageReader },
  findings: ItemFindings,
  run: VerifyRun,
): Promise<void> {
  if (typeof disk === 'string') return void (await verifyImage(disk, findings, run));
  const [part] = disk.parts;
  if (part === undefined) return findings.ok(source.path, `disk ${index + 1} has no file: it is empty`);
  if (isInPlace(source.container, disk)) return void (await verifyImage(part.path, findings, run));
  const place = source.container === 'folder' ? part.path : `${source.path}/${part.name}`;
  await findings.check(
    place,
    async () => {
      const opened = await openSourceDisk(source, index + 1, { inputFormat: undefined });
      if (opened.kind !== 'stream') throw new TypeError(`${part.name} is not read as a stream`);
      findings.ok(place, await readStream(opened, reader, run));
    },
    run.signal,
  );
}

/** The first and only part of a folder's file is opened in place; everything else is a stream. */
function isInPlace(container: ConvertSource['container'], { parts, gzip }: PackageDisk): boolean {
  return container === 'folder' && parts.length === 1 && !gzip;
}

/** Reads a disk from an archive once: its digest, its structure, and without a digest also its grains. */
async function readStream(
  { packaged, name, capacityBytes }: Extract<SourceDisk, { kind: 'stream' }>,
  reader: PackageReader,
  run: VerifyRun,
): Promise<string> {
  const words = `vmdk streamOptimized, ${formatBytes(capacityBytes)}`;
  if (run.quick) return `${words}: size and header only, content not read`;
  const onProgress = run.progressOf(name, packaged.sizeBytes);
  const isListed = packaged.parts.every(({ digest }) => digest !== undefined);
  if (isListed) {
    const check = new StreamOptimizedCheck({ name });
    await drain(reader.read(packaged), onProgress, (piece) => check.update(piece));
    const { grainCount } = check.finish();
    return `${words}: structure valid, ${formatCount(grainCount, 'grain')}, content as in the manifest`;
  }
  const grains = new GrainWindows(name, { free: run.pool.inputs });
  let bytes = 0;
  const pieces = async function* (): AsyncGenerator<Buffer> {
    for await (const piece of reader.read(packaged)) {
      bytes += piece.length;
      onProgress(bytes);
      yield Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    }
  };
  const { pool, signal } = run;
  const options = { pool, signal, compression: undefined, verify: true, hash: true };
  await copyWindows(grains.windows(pieces()), createNullSink(), {
    ...options,
    onRelease: (window) => grains.release(window),
  });
  return `${words}: structure valid, ${formatCount(grains.summary.grainCount, 'grain')} decompressed`;
}

async function drain(
  pieces: AsyncIterable<Uint8Array>,
  onProgress: (bytes: number) => void,
  use: (piece: Uint8Array) => void = () => {},
): Promise<void> {
  let bytes = 0;
  for await (const piece of pieces) {
    use(piece);
    bytes += piece.length;
    onProgress(bytes);
  }
}

function keyOf({ path, offsetBytes }: PackagePart): string {
  return `${path}:${offsetBytes}`;
}
