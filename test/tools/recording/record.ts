import { execFileSync, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { mixedContent } from '../../server/content-source.ts';
import { startTestServer, type TestServer } from '../../server/test-server.ts';
import { terminalSvg, type Frame } from './terminal-svg.ts';

/**
 * `npm run record [-- FILE]`: types commands into a real terminal (tmux), with the program of this checkout and the test
 * server, and writes what the screen showed to FILE (docs/recording.svg). Pauses of the machine are shortened.
 */
const FILE = process.argv[2] ?? fileURLToPath(new URL('../../../docs/recording.svg', import.meta.url));
const PROGRAM = fileURLToPath(new URL('../../../bin/dev.js', import.meta.url));
const COLUMNS = 92;
const ROWS = 24;
/** Between two frames, except while somebody types: a spinner makes the file large. */
const LEAST_PAUSE_MS = 250;
/** No screen stays longer, except where the recording waits on purpose. */
const LONGEST_PAUSE_MS = 1200;
const LIMIT_MS = 300_000;
const MiB = 1024 * 1024;

const folder = await mkdtemp(join(tmpdir(), 'vms-'));
const socket = join(folder, 'tmux');

function tmux(...words: string[]): string {
  return execFileSync('tmux', ['-u', '-f', '/dev/null', '-S', socket, ...words], { encoding: 'utf8' });
}

class Recorder {
  readonly frames: Frame[] = [];
  #shownMs = 0;
  #changedAt = Date.now();

  /** Keeps the screen if it has changed. */
  take({ isTyping = false } = {}): string {
    const text = tmux('capture-pane', '-e', '-p');
    const lines = text.replace(/\n$/, '').split('\n');
    const now = Date.now();
    const isDue = isTyping || now - this.#changedAt >= LEAST_PAUSE_MS;
    if (isDue && lines.join('\n') !== this.frames.at(-1)?.lines.join('\n')) {
      this.#shownMs += Math.min(now - this.#changedAt, LONGEST_PAUSE_MS);
      this.#changedAt = now;
      this.frames.push({ atMs: this.frames.length === 0 ? 0 : this.#shownMs, lines });
    }
    // oxlint-disable-next-line no-control-regex
    return text.replaceAll(/\u001b\[[\d;]*m/g, '');
  }

  async until(pattern: RegExp): Promise<void> {
    for (const endsAt = Date.now() + LIMIT_MS; !pattern.test(this.take());) {
      if (Date.now() > endsAt) throw new Error(`${String(pattern)} did not appear:\n${this.take()}`);
      await pause(100);
    }
    // The reader needs time to see it.
    await pause(LONGEST_PAUSE_MS);
    this.take();
  }

  async type(text: string): Promise<void> {
    for (const character of text) {
      tmux('send-keys', '-l', character);
      await pause(45);
      this.take({ isTyping: true });
    }
  }

  press(...keys: string[]): void {
    tmux('send-keys', ...keys);
  }
}

async function startShell(server: TestServer): Promise<void> {
  const bin = join(folder, 'bin');
  await mkdir(bin);
  await mkdir(join(folder, 'srv'));
  await writeFile(join(bin, 'hyper2kvm'), `#!/bin/sh\nexec ${process.execPath} ${PROGRAM} "$@"\n`, { mode: 0o755 });
  const env = {
    PATH: `${bin}:${process.env['PATH'] ?? ''}`,
    HOME: folder,
    LC_ALL: 'C.UTF-8',
    TERM: 'tmux-256color',
    PS1: '$ ',
    XDG_STATE_HOME: join(folder, 'state'),
    HYPER2KVM_URL: server.url.href,
    HYPER2KVM_USERNAME: server.username,
    HYPER2KVM_PASSWORD: server.password,
    HYPER2KVM_THUMBPRINT: server.thumbprint.sha256,
  };
  const words = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const size = ['-x', String(COLUMNS), '-y', String(ROWS)];
  tmux('new-session', '-d', ...size, '-c', join(folder, 'srv'), 'env', '-i', ...words, 'bash', '--norc', '--noprofile');
}

async function record(recorder: Recorder): Promise<void> {
  await recorder.until(/^\$\s*$/m);
  await recorder.type('hyper2kvm list');
  recorder.press('Enter');
  await recorder.until(/capacity, .* used\.\n\$\s*$/m);
  await recorder.type('hyper2kvm export -o vms');
  recorder.press('Enter');
  await recorder.until(/4 VMs\n/);
  await recorder.type('b-01');
  await recorder.until(/2 of 4 VMs/);
  recorder.press('C-a');
  await recorder.until(/2 chosen/);
  recorder.press('Enter');
  await recorder.until(/Cancel/);
  recorder.press('Enter');
  await recorder.until(/Details: hyper2kvm[^]*\n\$\s*$/m);
  await recorder.type('hyper2kvm verify vms/db-01');
  recorder.press('Enter');
  await recorder.until(/verify vms\/db-01\n[^]*\n\$\s*$/m);
}

try {
  const disks = (mebibytes: number, seed: string) => [{ content: mixedContent(mebibytes * MiB, seed) }];
  const guestFullName = 'Debian GNU/Linux 12 (64-bit)';
  await using server = await startTestServer({
    vms: [
      { name: 'db-01', guestFullName, powerState: 'poweredOn', disks: disks(40, 'db') },
      { name: 'mail', guestFullName, disks: disks(16, 'mail') },
      { name: 'web-01', guestFullName, disks: disks(24, 'web') },
      { name: 'win-app', guestFullName: 'Microsoft Windows Server 2022', disks: disks(32, 'win') },
    ],
  });
  await startShell(server);
  const recorder = new Recorder();
  await record(recorder);
  const title =
    'hyper2kvm lists the VMs of a vCenter, exports two that were chosen from a list, and verifies the result.';
  await writeFile(FILE, terminalSvg(recorder.frames, { columns: COLUMNS, rows: ROWS, title }));
  process.stdout.write(`${FILE}: ${recorder.frames.length} frames\n`);
} finally {
  spawnSync('tmux', ['-S', socket, 'kill-server'], { stdio: 'ignore' });
  await rm(folder, { recursive: true });
}
