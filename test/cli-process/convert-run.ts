import type { ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, globSync, readFileSync, statSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import type { ScratchFolder } from '../operations/export/export-run.ts';
import { environmentOf, startProgram, type ProgramRun, type RunningProgram } from './program.ts';

const NOISE = randomBytes(4096);
/** At this size, an image contains its first clusters. */
const BEGUN_BYTES = 128 * 1024;
const STOP_TRIES = 10;

const STATE = '.state';

/** Starts `convert` with these arguments in the scratch folder, without any settings. */
export function startConvert(scratch: ScratchFolder, ...args: string[]): RunningProgram {
  const env = environmentOf(undefined, join(scratch.path, STATE));
  return startProgram(['convert', ...args], { env, cwd: scratch.path });
}

export function runConvert(scratch: ScratchFolder, ...args: string[]): Promise<ProgramRun> {
  return startConvert(scratch, ...args).over;
}

/** Returns the sorted names in a folder, without the state folder of conversions. Empty if the folder does not exist. */
export async function namesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((): string[] => []);
  return names.filter((name) => name !== STATE).toSorted();
}

/** Writes a raw disk that takes a while to compress and to read back. Its image is small, so that tests do not wait for the host's disk. */
export async function writeBusyDisk(path: string): Promise<void> {
  const cluster = Buffer.concat(Array.from({ length: 16 }, () => NOISE));
  const clusters = Array.from({ length: 64 }, () => cluster);
  await writeFile(path, Array.from({ length: 32 }, () => clusters).flat());
}

/** A stage of a conversion in which the program can be stopped. */
export interface Stage {
  /** Resolves when the stage has begun or the program has ended. */
  begun: (program: RunningProgram) => Promise<unknown>;
  /** The text on standard error when the stage has ended. */
  isOver: RegExp;
}

/** The stage that copies into the file at `path`. */
export function copyInto(path: string): Stage {
  // Synchronous, because all threads of libuv's pool may be waiting for the host's disk.
  const hasGrown = () => (statSync(path, { throwIfNoEntry: false })?.size ?? 0) >= BEGUN_BYTES;
  return {
    async begun({ child }) {
      while (!hasGrown() && !hasEnded(child)) await pause(2);
    },
    isOver: /: (reading back|whole)/,
  };
}

export const READ_BACK: Stage = { begun: (program) => program.said('reading back'), isOver: /: whole/ };

/**
 * Starts the program and stops it (SIGSTOP) in the middle of a stage.
 * A stage takes only some tenths of a second, and this process may be delayed for longer. If the stage has already
 * ended, `clear` removes the results and the program is started again.
 */
export async function stopAmid(
  stage: Stage,
  start: () => RunningProgram,
  clear: () => Promise<unknown>,
): Promise<RunningProgram> {
  for (let tries = 0; tries < STOP_TRIES; tries += 1) {
    const program = start();
    await stage.begun(program);
    await stop(program);
    if (!hasEnded(program.child) && !stage.isOver.test(program.stderr())) return program;
    program.child.kill('SIGKILL');
    const { exitCode, stderr } = await program.over;
    if (exitCode !== null && exitCode !== 0) throw new Error(`It failed before it was stopped: ${stderr}`);
    await clear();
  }
  throw new Error(`It was stopped too late ${STOP_TRIES} times.`);
}

/** Stops the program. Resolves when all its threads are stopped and all its output has been read. */
async function stop({ child }: RunningProgram): Promise<void> {
  child.kill('SIGSTOP');
  // A thread in a system call, such as a write, stops when the call returns.
  while (!hasEnded(child) && !threadStates(child.pid ?? 0).every((state) => state === 'T')) await pause(2);
  for (let turns = 0; turns < 3; turns += 1) await nextTurn();
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

/** Returns the state letter of each thread of a process, see proc(5). */
function threadStates(pid: number): (string | undefined)[] {
  return globSync(`/proc/${pid}/task/*/stat`).flatMap((path) => {
    try {
      const stat = readFileSync(path, 'utf8');
      return [stat.slice(stat.lastIndexOf(')') + 2)[0]];
    } catch {
      // The thread has ended since it was listed.
      return [];
    }
  });
}

export async function sha256Of(path: string): Promise<string> {
  const digest = createHash('sha256');
  for await (const piece of createReadStream(path)) digest.update(piece as Uint8Array);
  return digest.digest('hex');
}
