import { execFile } from 'node:child_process';

/** The result of a program. */
export interface ProgramResult {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

/**
 * Runs a program until it exits. Does not block this process, in which a server may have to answer the program. The
 * exit code shows a failure.
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

/**
 * Runs a program that must succeed, and returns its standard output.
 * @throws with the program's output if it fails
 */
export async function outputOf(
  path: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<string> {
  const { exitCode, stdout, stderr } = await runProgram(path, args, env);
  if (exitCode !== 0) throw new Error(`${path} ${args.join(' ')} ended with ${exitCode}: ${stderr}${stdout}`);
  return stdout;
}
