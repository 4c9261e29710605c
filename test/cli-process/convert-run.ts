import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, globSync, readFileSync, statSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { ScratchFolder } from '../operations/export/export-run.ts';
import { environmentOf, startProgram, type ProgramRun, type RunningProgram } from './program.ts';

const NOISE = randomBytes(4096);
/** By then an image has its first clusters. */
const BEGUN_BYTES = 128 * 1024;

/** `convert` with these words, in the scratch folder and without any setting. */
export function startConvert(scratch: ScratchFolder, ...args: string[]): RunningProgram {
  const env = environmentOf(undefined, join(scratch.path, '.state'));
  return startProgram(['convert', ...args], { env, cwd: scratch.path });
}

export function runConvert(scratch: ScratchFolder, ...args: string[]): Promise<ProgramRun> {
  return startConvert(scratch, ...args).over;
}

/** Names in a folder, sorted; none when there is no such folder. */
export async function namesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((): string[] => []);
  return names.toSorted();
}

/** A raw disk that takes a while to compress and to read back, and whose image is small, so that tests do not wait for the host's disk. */
export async function writeBusyDisk(path: string): Promise<void> {
  const cluster = Buffer.concat(Array.from({ length: 16 }, () => NOISE));
  const clusters = Array.from({ length: 64 }, () => cluster);
  await writeFile(path, Array.from({ length: 32 }, () => clusters).flat());
}

/** Stops the program (SIGSTOP) when its file at `path` has begun to grow: in the middle of a copy. */
export async function stopInCopy({ child, over }: RunningProgram, path: string): Promise<void> {
  let isOver = false;
  void over.then(() => (isOver = true));
  // Without a thread, since those may all wait for the host's disk.
  while ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) < BEGUN_BYTES) {
    if (isOver) throw new Error(`It ended before it wrote ${path}: ${(await over).stderr}`);
    await pause(2);
  }
  child.kill('SIGSTOP');
  // A thread that is in the kernel, with a write, stops when that is over.
  while (!threadStates(child.pid ?? 0).every((state) => state === 'T')) await pause(2);
}

/** The letter of proc(5) for each thread of a process. */
function threadStates(pid: number): (string | undefined)[] {
  const stats = globSync(`/proc/${pid}/task/*/stat`).map((path) => readFileSync(path, 'utf8'));
  return stats.map((stat) => stat.slice(stat.lastIndexOf(')') + 2)[0]);
}

export async function sha256Of(path: string): Promise<string> {
  const digest = createHash('sha256');
  for await (const piece of createReadStream(path)) digest.update(piece as Uint8Array);
  return digest.digest('hex');
}
