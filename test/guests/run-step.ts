import { spawn } from 'node:child_process';
import { appendFile } from 'node:fs/promises';
import { once } from 'node:events';

const TIME_LIMIT_MS = 20 * 60_000;

/** Runs programs one after the other and writes their output to a log. */
export class StepRunner {
  readonly #log: string;

  constructor(log: string) {
    this.#log = log;
  }

  /**
   * Returns the standard output.
   * @throws with the last lines of both streams if the program fails or exceeds its time limit
   */
  async run(
    program: string,
    args: readonly string[],
    options: { input?: string; env?: Record<string, string> } = {},
  ): Promise<string> {
    const child = spawn(program, [...args], {
      env: { ...process.env, LC_ALL: 'C', ...options.env },
      timeout: TIME_LIMIT_MS,
    });
    let stdout = '';
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      said += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    child.stdin.on('error', () => undefined); // A program that exits early closes its input. Its exit code shows the result.
    child.stdin.end(options.input ?? '');
    const [exitCode, signal]: (number | string | null)[] = await once(child, 'close');
    await appendFile(this.#log, `$ ${program} ${args.join(' ')}\n${options.input ?? ''}\n${said}\n`);
    if (exitCode === 0) return stdout;
    const end = said.trimEnd().split('\n').slice(-15).join('\n');
    throw new Error(`${program} ended with ${exitCode ?? signal} (all of it: ${this.#log}):\n${end}`);
  }
}
