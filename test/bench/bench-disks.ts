import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { findOracle } from '../oracles/find-oracle.ts';
import { mixedContent, writeRawFile, type ContentSource } from '../server/content-source.ts';
import { streamOptimized } from '../server/stream-optimized-writer.ts';
import { measureRun, type MeasuredRun } from './measured-run.ts';

const CLI = fileURLToPath(new URL('../../bin/run.js', import.meta.url));

/** Runs the program that is built in another checkout, with the Node.js that runs the benchmark. */
export function measureOther(checkout: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<MeasuredRun> {
  return measureRun(process.execPath, [resolve(checkout, 'bin/run.js'), ...args, '--quiet'], env);
}

/** Runs the standalone binary in HYPER2KVM_BINARY or, by default, the built program with the Node.js that runs the benchmark. */
export function measureOwn(args: string[], env: NodeJS.ProcessEnv = {}): Promise<MeasuredRun> {
  const binary = process.env['HYPER2KVM_BINARY'];
  const [command, ...first] = binary === undefined ? [process.execPath, CLI] : [binary];
  return measureRun(command, [...first, ...args, '--quiet'], env);
}

/** Returns the path of qemu-img, the reference for all image benchmarks. */
export function requireQemuImg(): string {
  const found = findOracle('qemu-img');
  if (found === undefined) throw new Error('qemu-img is not installed: it is the peer');
  return found;
}

/** @throws unless two images contain the same disk. `args` are passed to `qemu-img compare`. */
export async function requireSame(qemuImg: string, args: string[]): Promise<void> {
  await measureRun(qemuImg, ['compare', ...args]);
}

/** Creates a temporary folder below TMPDIR. Disposing it removes the folder. */
export async function makeBenchFolder(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'hyper2kvm-bench-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/**
 * Creates a sparse raw disk: an ext4 file system with the files of `tree`, like the disk of a guest, or by default
 * text, holes and random data in turn.
 */
export async function makeRawDisk(path: string, capacityBytes: number, tree: string | undefined): Promise<void> {
  if (tree === undefined) {
    await writeRawFile(mixedContent(capacityBytes, 'bench'), path);
    await measureRun('fallocate', ['--dig-holes', path]);
    return;
  }
  await measureRun('truncate', ['-s', String(capacityBytes), path]);
  await measureRun('mke2fs', ['-q', '-t', 'ext4', '-d', tree, path]);
}

export async function makeStreamDisk(path: string, content: ContentSource): Promise<void> {
  await pipeline(Readable.from(streamOptimized(content, { compressionLevel: 1 })), createWriteStream(path));
}

/** Creates a VMDK with this `subformat` with qemu-img. */
export async function makeVmdk(qemuImg: string, source: string, subformat: string, path: string): Promise<void> {
  await measureRun(qemuImg, ['convert', '-O', 'vmdk', '-o', `subformat=${subformat}`, source, path]);
}

/** Reads a file once, so that it is in the page cache for every run. */
export async function warm(path: string): Promise<void> {
  await measureRun('dd', [`if=${path}`, 'of=/dev/null', 'bs=4M', 'status=none']);
}

/** Parses a positive integer from a flag. */
export function readPositive(flag: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value <= 0) throw new Error(`${flag} wants a whole number above 0, not "${text}"`);
  return value;
}
