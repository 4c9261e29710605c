import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A machine of one sector starts in a third of a second; on a host that is busy with others it may take its time. */
const LIMIT_MS = 10_000;

/** What the sector tells; QEMU's device makes the exit code of it: twice the value, and one. */
const ANSWER = 0x2a;
const ANSWER_CODE = ANSWER * 2 + 1;
const EXIT_PORT = 0xf4;

/** `mov al, ANSWER; out EXIT_PORT, al; hlt; jmp` to the halt. */
const SECTOR = Buffer.alloc(512);
SECTOR.set([0xb0, ANSWER, 0xe6, EXIT_PORT, 0xf4, 0xeb, 0xfd]);
SECTOR.set([0x55, 0xaa], 510);

/**
 * Undefined when KVM runs a machine that is this small; else why not, as a sentence. Inside other virtual machines there is a `/dev/kvm` that opens, and then QEMU aborts, or its
 * machine never takes a step, and is ended after `limitMs`.
 */
export async function kvmObstacle(qemu: string, signal: AbortSignal, limitMs = LIMIT_MS): Promise<string | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'hyper2kvm-kvm-'));
  try {
    const disk = join(folder, 'sector');
    await writeFile(disk, SECTOR);
    const child = spawn(qemu, argumentsFor(disk), {
      stdio: 'ignore',
      timeout: limitMs,
      killSignal: 'SIGKILL',
      signal,
    });
    await once(child, 'close');
    if (child.exitCode === ANSWER_CODE) return undefined;
    return child.exitCode === null
      ? '/dev/kvm is there, but a machine does not run on it: virtualization inside this virtual machine does not work.'
      : '/dev/kvm is there, but QEMU cannot start a machine on it.';
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function argumentsFor(disk: string): string[] {
  const machine = '-nodefaults -no-user-config -display none -machine pc -accel kvm -cpu max -m 16';
  const exit = `isa-debug-exit,iobase=${EXIT_PORT},iosize=4`;
  return [...machine.split(' '), '-device', exit, '-drive', `file=${disk},format=raw,if=ide`];
}
