import { execFileSync, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { PROGRAM } from './program.ts';

const LIMIT_MS = 120_000;

export interface TerminalOptions {
  /** The path of tmux. */
  tmux: string;
  width: number;
  /** Of the program. */
  env: NodeJS.ProcessEnv;
  /** An empty folder, which is the current folder of the program. */
  folder: string;
}

/** A terminal in which the program runs. tmux interprets what it writes, so that a test sees the screen of a user. */
export class TmuxTerminal {
  readonly #tmux: string;
  readonly #socket: string;

  constructor({ tmux, width, env, folder }: TerminalOptions, args: readonly string[]) {
    this.#tmux = tmux;
    // A server that is ending still owns its socket.
    this.#socket = join(folder, `tmux-${randomUUID()}`);
    // The shell shows the exit code, and keeps the terminal open.
    const shell = ['sh', '-c', '"$@"; echo "exit $?"; exec sleep 1000', 'sh', ...PROGRAM, ...args];
    const words = Object.entries(env).map(([name, value]) => `${name}=${value ?? ''}`);
    const size = ['-x', String(width), '-y', '24'];
    const command = ['new-session', '-d', ...size, '-c', folder, 'env', '-i', ...words, 'TERM=tmux-256color', ...shell];
    execFileSync(tmux, ['-u', '-f', '/dev/null', '-S', this.#socket, ...command], {
      env: { PATH: process.env['PATH'], LC_ALL: 'C.UTF-8', TERM: 'xterm' },
    });
  }

  /** Returns the lines of the screen. With `colors`, they contain the escape sequences of their colors. */
  screen({ colors = false } = {}): string {
    return this.#ask('capture-pane', '-p', ...(colors ? ['-e'] : [])).trimEnd();
  }

  isCursorShown(): boolean {
    return this.#ask('display-message', '-p', '#{cursor_flag}').trim() === '1';
  }

  /** Waits until the screen matches, and returns it. */
  async until(pattern: RegExp): Promise<string> {
    const endsAt = Date.now() + LIMIT_MS;
    for (;;) {
      const screen = this.screen();
      if (pattern.test(screen)) return screen;
      if (Date.now() > endsAt) throw new Error(`${String(pattern)} did not appear:\n${screen}`);
      await pause(50);
    }
  }

  /** Types a text, or presses a key such as `Enter`, `Down` or `C-c`. */
  press(...keys: string[]): void {
    this.#ask('send-keys', ...keys);
  }

  /** Sends SIGTERM to the program. */
  terminate(): void {
    const shell = this.#ask('display-message', '-p', '#{pane_pid}').trim();
    execFileSync('pkill', ['-TERM', '-P', shell]);
  }

  [Symbol.dispose](): void {
    spawnSync(this.#tmux, ['-S', this.#socket, 'kill-server'], { stdio: 'ignore' });
  }

  #ask(...words: string[]): string {
    return execFileSync(this.#tmux, ['-S', this.#socket, ...words], { encoding: 'utf8' });
  }
}
