import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** The result of running a VM. */
export interface MachineRun {
  /** All output of the serial console, without escape sequences. */
  serial: string;
  /** The match of the awaited text that appeared. Undefined if none appeared before the VM ended or the time limit. */
  match: RegExpExecArray | undefined;
  seconds: number;
}

/** Options of a run. */
export interface MachineRunOptions {
  awaited: readonly RegExp[];
  timeLimitMs: number;
  /** A prompt on the serial console, and the line that is typed there, once. */
  answer?: { prompt: RegExp; line: string };
  /** Runs after an awaited text has appeared, before the VM is stopped. */
  settle?: (match: RegExpExecArray) => Promise<void>;
}

/**
 * Runs QEMU until its serial console prints one of the `awaited` texts and `settle` has finished, QEMU exits, or the
 * time limit is reached. Leaves no process running.
 */
export async function runMachine(args: readonly string[], options: MachineRunOptions): Promise<MachineRun> {
  const { awaited, timeLimitMs: timeout, settle = async () => undefined } = options;
  let { answer } = options;
  const startedMs = performance.now();
  const qemu = spawn('qemu-system-x86_64', [...args], { stdio: ['pipe', 'pipe', 'pipe'], timeout });
  qemu.stdin.on('error', () => undefined); // A VM that exits closes its console. `match` shows how it ended.
  let serial = '';
  let complaints = '';
  let match: RegExpExecArray | undefined;
  qemu.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints += text;
  });
  qemu.stdout.setEncoding('latin1').on('data', (text: string) => {
    serial += text;
    // A text can arrive in pieces, so the end of the previous output is searched again.
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
