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

/** The program as it is built in another checkout, run by the Node that runs the benchmark. */
export function measureOther(checkout: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<MeasuredRun> {
  return measureRun(process.execPath, [resolve(checkout, 'bin/run.js'), ...args, '--quiet'], env);
}

/** The standalone binary that HYPER2KVM_BINARY names, else the program as it is built, run by the Node that runs the benchmark. */
export function measureOwn(args: string[], env: NodeJS.ProcessEnv = {}): Promise<MeasuredRun> {
  const binary = process.env['HYPER2KVM_BINARY'];
  const [command, ...first] = binary === undefined ? [process.execPath, CLI] : [binary];
  return measureRun(command, [...first, ...args, '--quiet'], env);
}

/** qemu-img is the peer of all that is about images. */
export function requireQemuImg(): string {
  const found = findOracle('qemu-img');
  if (found === undefined) throw new Error('qemu-img is not installed: it is the peer');
  return found;
}

/** Throws unless two images hold the same disk; `args` are those of `qemu-img compare`. */
export async function requireSame(qemuImg: string, args: string[]): Promise<void> {
  await measureRun(qemuImg, ['compare', ...args]);
}

/** A folder below TMPDIR for what a benchmark makes, gone at its end. */
export async function makeBenchFolder(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'hyper2kvm-bench-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** A sparse raw disk: an ext4 file system with the folder `tree` in it, as a guest's disk is, else text, holes and random data in turn. */
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

/** A VMDK of the kind `subformat`, by qemu-img. */
export async function makeVmdk(qemuImg: string, source: string, subformat: string, path: string): Promise<void> {
  await measureRun(qemuImg, ['convert', '-O', 'vmdk', '-o', `subformat=${subformat}`, source, path]);
}

/** Reads a file once, so that every run finds it in the page cache. */
export async function warm(path: string): Promise<void> {
  await measureRun('dd', [`if=${path}`, 'of=/dev/null', 'bs=4M', 'status=none']);
}

/** A whole number from a flag. */
export function readPositive(flag: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value <= 0) throw new Error(`${flag} wants a whole number above 0, not "${text}"`);
  return value;
}
