import { createWriteStream } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { Hyper2kvmError } from '../../base/errors.ts';
import type { Secret } from '../../base/text/secret.ts';
import { pause } from '../../base/time-limit.ts';
import { KvmBrokeError } from './qemu/accelerator.ts';
import { RunFiles } from './qemu/boot-files.ts';
import type { Accelerator, BootMachine } from './qemu/boot-machine.ts';
import { BootObserver, type BootSign } from './observe/boot-observer.ts';
import { verdictOf, type BootPatience, type BootSigns, type BootVerdict } from './boot-verdict.ts';
import type { QemuPrograms } from './qemu/find-qemu.ts';
import { qemuArguments } from './qemu/qemu-arguments.ts';
import { QemuProcess } from './qemu/qemu-process.ts';
import { takePicture } from './observe/screen-picture.ts';

/** The interval for reading captures and evaluating the verdict. Events are recorded when they arrive. */
const LOOK_MS = 200;

export interface BootRun {
  machine: BootMachine;
  programs: QemuPrograms;
  accelerator: Accelerator;
  patience: BootPatience;
  /** Passphrases of encrypted volumes, for which the guest prompts on its serial console. */
  passphrases?: readonly Secret[] | undefined;
  /** The folder for the screenshot and the console log; absolute. */
  folder: string;
  onSign: (sign: BootSign) => void;
}

export interface BootOutcome {
  verdict: BootVerdict;
  signs: BootSigns;
  /** From the start of the VM to the verdict. */
  seconds: number;
  /** `screen.png`, if a screenshot could be taken. */
  picture: string | undefined;
  pictureProblem: string | undefined;
  /** The guest's serial output, limited to the first 16 MiB. */
  serialLog: string;
  /** The last lines of the serial output. */
  lastLines: string[];
  /** The failed units that systemd reported on the console. */
  failedUnits: string[];
}

/**
 * Boots a VM once and observes it until there is a verdict. The disks are opened read-only: QEMU writes to overlays.
 * QEMU and the overlays are gone when this resolves or rejects.
 * @throws kind `host` if QEMU does not start the VM or exits during the boot; {@link KvmBrokeError} if that was with
 * KVM or KVM failed; kind `local-file` if there is no space for an overlay.
 */
export async function runBoot(run: BootRun, signal: AbortSignal): Promise<BootOutcome> {
  const { machine, programs, accelerator, folder } = run;
  await using files = await RunFiles.create(folder, machine, programs.qemuImg, signal);
  const serialLog = join(folder, 'serial.log');
  const log = createWriteStream(serialLog, { mode: 0o600 });
  const qemu = new QemuProcess(programs, qemuArguments(machine, files.names, accelerator), folder);
  const kill = (): void => qemu.kill();
  signal.addEventListener('abort', kill);
  try {
    signal.throwIfAborted();
    const { passphrases = [], onSign } = run;
    const nicCount = machine.nics.length;
    const observer = new BootObserver({ qemu, log, nicCount, accelerator, passphrases, onSign });
    const frames = await start(accelerator, { qemu, observer, files });
    observer.watchFrames(frames, machine.nics);
    const outcome = await watch(run, { qemu, observer, files }, signal);
    const { picture, problem } = await takePicture(observer.qmp, folder);
    // The response may be lost, since QEMU exits.
    await observer.qmp.execute('quit').catch(() => {});
    return {
      ...outcome,
      picture,
      pictureProblem: problem,
      serialLog,
      lastLines: [...observer.lastLines],
      failedUnits: [...observer.failedUnits],
    };
  } catch (error) {
    signal.throwIfAborted();
    qemu.kill();
    throw error;
  } finally {
    signal.removeEventListener('abort', kill);
    await qemu.end();
    log.end();
    await finished(log).catch(() => {});
  }
}

interface Watched {
  qemu: QemuProcess;
  observer: BootObserver;
  files: RunFiles;
}

/** From QMP's greeting to the first instruction. QEMU rejects an invalid VM before that, and exits. */
async function start(accelerator: Accelerator, { qemu, observer, files }: Watched): Promise<FileHandle[]> {
  try {
    await observer.qmp.negotiate();
    const frames = await files.detach();
    observer.startClock();
    await observer.qmp.execute('cont');
    await observer.qmp.execute('query-status');
    return frames;
  } catch (error) {
    // The channel is closed a moment before the process exits.
    await Promise.race([qemu.over, observer.qmp.execute('query-status').catch(() => {})]);
    qemu.kill();
    await qemu.end();
    if (accelerator === 'kvm')
      throw new KvmBrokeError(`QEMU does not start this VM with KVM: ${qemu.complaint}`, error);
    throw new Hyper2kvmError('host', `QEMU does not start this VM: ${qemu.complaint}`, {
      cause: error,
      hint: 'Another QEMU version may support the missing hardware. You can also change the disks and NICs of the domain.',
    });
  }
}

async function watch({ patience, accelerator }: BootRun, { qemu, observer, files }: Watched, signal: AbortSignal) {
  for (;;) {
    await observer.lookForFrames();
    observer.throwIfBroken();
    const seconds = observer.seconds;
    const verdict = verdictOf(observer.signs, seconds, patience);
    if (verdict !== undefined) return { verdict, signs: observer.signs, seconds };
    if (qemu.isOver) {
      const sentence = `QEMU ended during the boot test: ${qemu.complaint}`;
      // QEMU aborts on operations that its KVM does not support. SIGKILL comes from elsewhere, such as the kernel
      // when memory runs out.
      if (accelerator === 'kvm' && !qemu.wasKilled) throw new KvmBrokeError(sentence);
      throw new Hyper2kvmError('host', sentence);
    }
    await files.checkSize();
    await pause(LOOK_MS, signal);
  }
}
