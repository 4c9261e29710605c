import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** How a machine ran. */
export interface MachineRun {
  /** All that was said on the serial console, without escape sequences. */
  serial: string;
  /** Which of the awaited texts came; undefined when none did before the machine or the time ended. */
  match: RegExpExecArray | undefined;
  seconds: number;
}

/** What a run waits for. */
export interface MachineRunOptions {
  awaited: readonly RegExp[];
  timeLimitMs: number;
  /** A question on the serial console and the line that is typed there, once. */
  answer?: { prompt: RegExp; line: string };
  /** Awaited before the machine is ended, once a text has come. */
  settle?: (match: RegExpExecArray) => Promise<void>;
}

/**
 * Runs qemu until its serial console says one of `awaited` and `settle` is done, it ends by itself, or the time is over.
 * Leaves no process.
 */
export async function runMachine(args: readonly string[], options: MachineRunOptions): Promise<MachineRun> {
  const { awaited, timeLimitMs: timeout, settle = async () => undefined } = options;
  let { answer } = options;
  const startedMs = performance.now();
  const qemu = spawn('qemu-system-x86_64', [...args], { stdio: ['pipe', 'pipe', 'pipe'], timeout });
  qemu.stdin.on('error', () => undefined); // A machine that ends closes its console; `match` tells how it ended.
  let serial = '';
  let complaints = '';
  let match: RegExpExecArray | undefined;
  qemu.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints += text;
  });
  qemu.stdout.setEncoding('latin1').on('data', (text: string) => {
    serial += text;
    // A text may come in pieces, so that the end of what was said is looked at again.
    const end = withoutEscapes(serial.slice(-4096 - text.length));
    if (answer?.prompt.test(end) === true) {
      qemu.stdin.write(`${answer.line}\n`);
      answer = undefined;
    }
    if (match !== undefined) return;
    match = awaited.map((pattern) => pattern.exec(end)).find((found) => found !== null) ?? undefined;
    if (match !== undefined) void settle(match).finally(() => qemu.kill());
  });
  await once(qemu, 'close');
  if (serial === '' && qemu.exitCode !== 0 && !qemu.killed) throw new Error(`qemu: ${complaints}`);
  return { serial: withoutEscapes(serial), match, seconds: (performance.now() - startedMs) / 1000 };
}

function withoutEscapes(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replaceAll(/\u001B(?:\[[0-9;?=]*[A-Za-z]|[()][A-Z0-9]|[=>c])/g, '').replaceAll('\r', '');
}
