import { spawnSync, type SpawnSyncOptions } from 'node:child_process';

/** Runs a tool until it exits and returns its standard output. @throws with its output if it fails, or if it is not installed */
export function outputOf(command: string, args: readonly string[], options: SpawnSyncOptions = {}): string {
  const run = spawnSync(command, args, { maxBuffer: 1 << 26, ...options, encoding: 'utf8' });
  if (run.error) throw new Error(`${command} does not run: ${run.error.message}`, { cause: run.error });
  if (run.status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${run.status}: ${run.stderr}`);
  return run.stdout;
}
