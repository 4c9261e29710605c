import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomically } from '../../../base/files/atomic-file.ts';
import { localFileError } from '../../../base/files/local-file-error.ts';
import { partialPath } from '../../../base/output/partial-name.ts';
import { bootTest, PLAIN_BOOT_TEST } from '../../boot-test/boot-test.ts';
import type { BootTestEvent, BootTestResult } from '../../boot-test/types.ts';
import { makeDomain, type HardwareReport } from '../../domain/make-domain.ts';
import type { ExportStep } from '../../events.ts';
import { machineOfVm } from '../../export/target/machine-of-vm.ts';
import { makeMachine, type MachineOptions, type MadeMachine } from '../../export/target/make-machine.ts';
import { configuredNicsOf, virtioSupportOf } from '../../fix-guest/fix-images.ts';
import { flushFile, overlayPath, StagedImages } from '../../fix-guest/staged-images.ts';
import type { FixReport } from '../../fix-guest/types.ts';
import type { OperationContext } from '../../operation-context.ts';
import type { ReplicaVm } from './replica-vm.ts';

export interface PrepareOptions extends Omit<MachineOptions, 'kubevirt'> {
  /** The flag or command that needs qemu-img, for messages. */
  user: string;
}

interface PrepareContext {
  signal: AbortSignal;
  step: (step: ExportStep, detail: string) => void;
}

/** A boot of the prepared guest. */
export interface GuestBoot {
  bootTest: BootTestResult;
  /** From the start of the VM to the first frame, login prompt or answer of the guest agent; null without one. */
  signOfLifeSeconds: number | null;
}

/** The images of a replica are only read before a commit. */
const NO_RECORD = { beginChange: () => Promise.resolve(), keepUnchanged: () => Promise.resolve() };

/**
 * A guest that was prepared for KVM in overlays over the images of a replica, and its domain. The images stay identical
 * to the byte until {@link commit}. The overlays are complete and flushed. Dispose to remove them, unless a commit has
 * begun. The caller holds the lock of the replica.
 */
export class PreparedGuest implements AsyncDisposable {
  /** Undefined with `--fix off`. */
  readonly guest: FixReport | undefined;
  readonly hardware: HardwareReport;
  /** The text of the libvirt domain on the images of the replica. */
  readonly domain: string;
  /** The time for the overlays, the fix and the domain. */
  readonly fixSeconds: number;
  readonly #replica: ReplicaVm;
  readonly #options: PrepareOptions;
  readonly #staged: StagedImages;
  #hasBegunCommit = false;

  private constructor(
    replica: ReplicaVm,
    options: PrepareOptions,
    { staged, made, fixSeconds }: { staged: StagedImages; made: MadeMachine; fixSeconds: number },
  ) {
    this.#replica = replica;
    this.#options = options;
    this.#staged = staged;
    this.guest = made.guest;
    this.hardware = made.hardware;
    this.domain = made.domain;
    this.fixSeconds = fixSeconds;
  }

  /**
   * Creates the overlays, and prepares the guest in them.
   * @throws the errors of the fix, after the overlays were removed.
   */
  static async prepare(
    replica: ReplicaVm,
    options: PrepareOptions,
    { signal, step }: PrepareContext,
  ): Promise<PreparedGuest> {
    const startedAt = Date.now();
    const { named: vm, vmHardware, disks, images: paths, format } = replica;
    await using held = new AsyncDisposableStack();
    const staged = held.use(await StagedImages.create(imagesOf(replica), options.env, signal, options.user));
    const partialPaths = staged.disks.map(({ path }) => path);
    const overlays = { partialPaths, partialFormat: 'qcow2' as const };
    const fetched = { vm, vmHardware, disks, leftOut: [], paths, format, ...overlays, changes: NO_RECORD, step };
    const made = await makeMachine(fetched, options, signal);
    await staged.flush();
    held.move();
    const fixSeconds = (Date.now() - startedAt) / 1000;
    return new PreparedGuest(replica, options, { staged, made, fixSeconds });
  }

  /**
   * Boots the guest on the overlays, which QEMU opens read-only.
   * @throws if the boot could not be carried out; a guest that does not come up is a result with a `problem`.
   */
  async boot({ signal, report }: OperationContext<BootTestEvent>): Promise<GuestBoot> {
    const { guest: requested, env } = this.#options;
    const target = bootDomainPath(this.#replica);
    await writeFileAtomically(target, await this.#bootDomain(signal), { flush: false });
    try {
      const configuredNics = configuredNicsOf(this.guest);
      const options = { ...PLAIN_BOOT_TEST, target, keys: requested.keys, configuredNics, env };
      const result = await bootTest(options, { signal, report });
      // The file does not exist any more when somebody reads this.
      return { bootTest: { ...result, target: this.#replica.folder }, signOfLifeSeconds: firstSign(result) };
    } finally {
      await rm(target, { force: true });
    }
  }

  /**
   * Writes the changes into the images of the replica, and flushes them. A kill or an error leaves images that nobody
   * can use and the overlays, with which {@link commitAgain} does the same again.
   */
  async commit(signal: AbortSignal): Promise<void> {
    this.#hasBegunCommit = true;
    await commitAll(this.#staged, this.#replica.images, signal);
  }

  /** Repeats a commit of an earlier run. The images then have the same bytes as after one commit. */
  static async commitAgain(
    replica: Pick<ReplicaVm, 'images' | 'format'>,
    { env, user }: Pick<PrepareOptions, 'env' | 'user'>,
    signal: AbortSignal,
  ): Promise<void> {
    await commitAll(StagedImages.ofEarlierRun(imagesOf(replica), env, user), replica.images, signal);
  }

  /** Removes what a commit or a killed run left of a guest over these images. */
  static async removeLeft(replica: Pick<ReplicaVm, 'folder' | 'baseName' | 'images'>): Promise<void> {
    const overlays = replica.images.map((path) => overlayPath(path));
    // A fix writes to an overlay over the overlay first.
    for (const path of [...overlays, ...overlays.map((overlay) => overlayPath(overlay)), bootDomainPath(replica)]) {
      try {
        await rm(path, { force: true });
      } catch (error) {
        throw localFileError('remove', path, error);
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#hasBegunCommit) await this.#staged[Symbol.asyncDispose]();
  }

  /** The domain on the overlays, with the hardware that was chosen. */
  async #bootDomain(signal: AbortSignal): Promise<string> {
    const { named, vmHardware, disks } = this.#replica;
    const images = this.#staged.disks.map(({ path }, index) => ({
      path,
      format: 'qcow2' as const,
      virtualSizeBytes: disks[index]?.capacityBytes ?? 0,
    }));
    const { networks } = this.#options;
    const machine = machineOfVm(named, vmHardware, disks);
    const chosen = { wanted: this.hardware.kind, virtioSupport: virtioSupportOf(this.guest) };
    const { text } = await makeDomain({ machine, images, ...chosen, networks, kubevirt: false }, signal);
    return text;
  }
}

function imagesOf({ images, format }: Pick<ReplicaVm, 'images' | 'format'>): { path: string; format: string }[] {
  return images.map((path) => ({ path, format }));
}

async function commitAll(staged: StagedImages, images: readonly string[], signal: AbortSignal): Promise<void> {
  await staged.commit(signal);
  for (const path of images) await flushFile(path);
}

function bootDomainPath({ folder, baseName }: Pick<ReplicaVm, 'folder' | 'baseName'>): string {
  return partialPath(join(folder, `${baseName}-rehearsal.xml`));
}

function firstSign({ verdict, loginPromptSeconds, guestAgentSeconds, nics }: BootTestResult): number | null {
  if (verdict !== 'booted') return null;
  const signs = [loginPromptSeconds, guestAgentSeconds, ...nics.map(({ firstFrameSeconds }) => firstFrameSeconds)];
  const seen = signs.filter((seconds) => seconds !== null);
  return seen.length === 0 ? null : Math.min(...seen);
}
