import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { QMP_FD, SERIAL_FD } from './qemu-arguments.ts';
import { QemuProcess } from './qemu-process.ts';
import { QmpClient } from './qmp-client.ts';

export interface KvmTrial {
  qemu: string;
  /** Undefined boots a boot sector instead, which proves less. */
  kernel: string | undefined;
  env: NodeJS.ProcessEnv;
  limitMs?: number;
}

/** A kernel without a root file system needs 1 to 3 s until its panic if KVM works; the host may be busy. */
const LIMIT_MS = 60_000;

/** The text that the boot sector writes to the serial port. */
const SECTOR_TEXT = 'hyper2kvm';
/** The first line of every kernel. */
const FIRST_LINE = /Linux version \S/;
/**
 * The end of a kernel's own boot: without a root file system it panics, with a built-in one it runs its init. Other
 * panics prove nothing.
 */
const LAST_LINE = /Unable to mount root fs|No working init found|Run \S+ as init process/;
const KEPT_CHARACTERS = 65_536;

/**
 * On a disk that is large enough for SeaBIOS. si = the text; lodsb; at its NUL halt, otherwise out 0x3f8 once the
 * port's transmitter is empty.
 */
const SECTOR = Buffer.alloc(1 << 20);
Buffer.from('fafc31c08ed8be407cac84c0741288c4bafd03eca82074fb88e0baf803eeebe9f4ebfd', 'hex').copy(SECTOR);
SECTOR.write(SECTOR_TEXT, 0x40, 'latin1');
SECTOR.set([0x55, 0xaa], 510);

/**
 * Undefined if KVM boots a kernel to its end; otherwise the reason as a sentence. Inside other VMs, `/dev/kvm` may
 * exist and open, and yet QEMU aborts, stops with an internal error in its firmware or during a kernel's boot, or its
 * VM never executes an instruction. Some of these can run a boot sector.
 */
export async function kvmObstacle(trial: KvmTrial, signal: AbortSignal): Promise<string | undefined> {
  signal.throwIfAborted();
  const folder = await mkdtemp(join(tmpdir(), 'hyper2kvm-kvm-'));
  try {
    const sector = join(folder, 'sector');
    if (trial.kernel === undefined) await writeFile(sector, SECTOR);
    const failure = await boot(trial, sector, folder, signal);
    return failure && `/dev/kvm exists, but KVM does not run a VM here: ${failure}.`;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Why the VM did not reach the end, as a clause. */
async function boot(
  { qemu: program, kernel, env, limitMs = LIMIT_MS }: KvmTrial,
  sector: string,
  folder: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<string | undefined>();
  const what = kernel === undefined ? 'a boot sector' : 'a kernel';
  const qemu = new QemuProcess({ qemu: program }, argumentsFor(kernel, sector), folder, env);
  const stop = (): void => reject(signal.reason);
  signal.addEventListener('abort', stop);
  const timer = setTimeout(() => resolve(`${what} did not boot within ${limitMs / 1000} seconds`), limitMs);
  let text = '';
  qemu.serial.on('data', (piece: Buffer) => {
    text = (text + piece.toString('latin1')).slice(-KEPT_CHARACTERS);
    const isUp = kernel === undefined ? text.includes(SECTOR_TEXT) : FIRST_LINE.test(text) && LAST_LINE.test(text);
    if (isUp) resolve(undefined);
  });
  const qmp = new QmpClient(qemu.qmp, ({ event }) => {
    if (event !== 'STOP') return;
    qmp.runState().then(
      (state) => state === 'internal-error' && resolve(`QEMU stopped ${what} with an internal error`),
      () => {},
    );
  });
  // Read the last console output before evaluating QEMU's exit.
  const over = Promise.all([qemu.over, qemu.serialEnd]);
  over.then(
    () => resolve(`QEMU ended while it booted ${what}: ${qemu.complaint.replace(/\.$/, '')}`),
    () => {},
  );
  try {
    // If QEMU exits or does not reply, its exit is reported.
    qmp.negotiate().then(
      () => qmp.execute('cont').catch(() => {}),
      () => {},
    );
    return await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
    qemu.kill();
    await qemu.end();
  }
}

function argumentsFor(kernel: string | undefined, sector: string): string[] {
  const common = '-nodefaults -no-user-config -S -no-reboot -display none -machine q35 -accel kvm -cpu max';
  const qmp = ['-chardev', `socket,id=qmp,fd=${QMP_FD}`, '-mon', 'chardev=qmp,mode=control'];
  const serial = ['-chardev', `socket,id=serial0,fd=${SERIAL_FD}`, '-serial', 'chardev:serial0'];
  const guest =
    kernel === undefined
      ? ['-m', '32', '-drive', `file=${sector.replaceAll(',', ',,')},format=raw,if=ide`]
      : ['-m', '512', '-kernel', kernel, '-append', 'console=ttyS0 panic=-1'];
  return [...common.split(' '), ...qmp, ...serial, ...guest];
}
