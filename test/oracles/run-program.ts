import { execFile } from 'node:child_process';

/** How a program ended. */
export interface ProgramResult {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

/**
 * Runs a program to its end without blocking this process, in which a server may have to answer it. A failure is told
 * by the exit code.
 */
export async function runProgram(
  path: string,
  args: readonly string[],
  env: Record<string, string> = {},
  timeLimitMs = 600_000,
): Promise<ProgramResult> {
  const { promise, resolve } = Promise.withResolvers<ProgramResult>();
  const options = { env: { ...process.env, ...env }, maxBuffer: 1 << 26, timeout: timeLimitMs };
  const child = execFile(path, [...args], options, (_error, stdout, stderr) => {
    resolve({ exitCode: child.exitCode, stdout, stderr });
  });
  return promise;
}

/** The same, for a program that has to succeed: gives its standard output, and throws with what it said otherwise. */
export async function outputOf(
  path: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<string> {
  const { exitCode, stdout, stderr } = await runProgram(path, args, env);
  if (exitCode !== 0) throw new Error(`${path} ${args.join(' ')} ended with ${exitCode}: ${stderr}${stdout}`);
  return stdout;
}
