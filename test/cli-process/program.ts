import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { symlink } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import type { TestServer } from '../server/test-server.ts';
import { bundledProgram } from './bundled-program.ts';

/** The program that HYPER2KVM_PROGRAM names (a single file), or else a bundle of the sources. */
export const PROGRAM: readonly [string, ...string[]] = process.env['HYPER2KVM_PROGRAM']
  ? [process.env['HYPER2KVM_PROGRAM']]
  : [process.execPath, bundledProgram()];

/** The result of a run of the program. */
export interface ProgramRun {
  exitCode: number | null;
  /** The signal that ended it, or null if it exited itself. */
  endedBy: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface ProgramOptions {
  env: NodeJS.ProcessEnv;
  cwd: string;
  /** The content of standard input. */
  stdin?: string;
  /** A capability that the process runs without, as a name for setpriv. */
  without?: string;
  /** The limit of open files. */
  openFiles?: number;
}

export interface RunningProgram {
  child: ChildProcess;
  /** Resolves when standard error contains the text. */
  said(words: string): Promise<void>;
  /** Resolves when standard output matches the pattern. */
  printed(words: RegExp): Promise<void>;
  /** Returns the standard error output so far. */
  stderr(): string;
  over: Promise<ProgramRun>;
}

/** Returns an environment for a program that connects to `server`, without any settings of the developer. */
export function environmentOf(
  server: (Pick<TestServer, 'url' | 'username' | 'password'> & { thumbprint: { sha256: string } }) | undefined,
  stateFolder: string,
): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(HYPER2KVM_|GOVC_|NODE_|XDG_)/.test(name));
  return {
    ...Object.fromEntries(inherited),
    XDG_STATE_HOME: stateFolder,
    XDG_CONFIG_HOME: stateFolder,
    ...(server && {
      HYPER2KVM_URL: server.url.href,
      HYPER2KVM_USERNAME: server.username,
      HYPER2KVM_PASSWORD: server.password,
      HYPER2KVM_THUMBPRINT: server.thumbprint.sha256,
    }),
  };
}

/** Creates a link to the program in `folder`. Returns the environment in which the link can run. */
export async function linkProgram(
  folder: string,
  name: string,
  env: NodeJS.ProcessEnv,
): Promise<{ link: string; env: NodeJS.ProcessEnv }> {
  const link = join(folder, name);
  await symlink(PROGRAM.at(-1) ?? '', link);
  // The script runs the first `node` on the PATH, which must be the one that runs the tests.
  return { link, env: { ...env, PATH: [dirname(process.execPath), env['PATH']].join(delimiter) } };
}

/** Starts the program in a separate process, as users do. */
export function startProgram(
  args: readonly string[],
  { env, cwd, stdin = '', without, openFiles }: ProgramOptions,
): RunningProgram {
  const limit = openFiles === undefined ? [] : ['sh', '-c', `ulimit -n ${openFiles} && exec "$@"`, 'sh'];
  const rights = without === undefined ? [] : ['setpriv', `--bounding-set=-${without}`];
  const [file = '', ...first] = [...limit, ...rights, ...PROGRAM];
  const child = spawn(file, [...first, ...args], { env, cwd, stdio: 'pipe' });
  child.stdin.on('error', () => undefined);
  child.stdin.end(stdin);
  const [stdout, stderr] = [new Heard(child.stdout), new Heard(child.stderr)];
  const over = once(child, 'close').then(([exitCode, endedBy]) => ({
    exitCode: exitCode as number | null,
    endedBy: endedBy as NodeJS.Signals | null,
    stdout: stdout.text,
    stderr: stderr.text,
  }));
  return {
    child,
    said: (words) => stderr.until((text) => text.includes(words), words),
    stderr: () => stderr.text,
    printed: (words) => stdout.until((text) => words.test(text), String(words)),
    over,
  };
}

/** The output of a stream. */
class Heard {
  text = '';
  #isOver = false;
  #more = Promise.withResolvers<void>();

  constructor(stream: Readable) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      this.text += chunk;
      this.#tell();
    });
    stream.on('close', () => {
      this.#isOver = true;
      this.#tell();
    });
  }

  /** Resolves when the output satisfies `isWanted`. Rejects when the stream ends first, whatever the exit code. */
  async until(isWanted: (text: string) => boolean, words: string): Promise<void> {
    while (!isWanted(this.text)) {
      if (this.#isOver) throw new Error(`It ended without saying ${words}: ${this.text}`);
      await this.#more.promise;
    }
  }

  #tell(): void {
    this.#more.resolve();
    this.#more = Promise.withResolvers();
  }
}

/** Runs the program until it exits. */
export function runProgram(args: readonly string[], options: ProgramOptions): Promise<ProgramRun> {
  return startProgram(args, options).over;
}
