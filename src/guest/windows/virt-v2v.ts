import { object, string } from 'valibot';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { readJson } from '../../base/records/read-record.ts';
import { element } from '../../base/xml/xml-text.ts';
import {
  scratchEnvironment,
  startAppliance,
  type ApplianceOptions,
  type ApplianceStart,
} from '../appliance-environment.ts';
import { exitOfAppliance } from '../appliance-exit.ts';
import { ApplianceStartError, applianceTooLong } from '../guestfs-errors.ts';
import type { GuestfsDisk } from '../guestfs.ts';
import { LaunchLimit } from '../launch-limit.ts';
import { spawnTied } from '../../base/process/tied-process.ts';
import { virtV2vFailed, virtV2vTooLong } from './virt-v2v-errors.ts';

export interface VirtV2vOptions extends ApplianceOptions {
  /** From `findVirtV2v`. */
  program: string;
  /** In VM order. They are changed in place, and no other process has them open. */
  disks: readonly GuestfsDisk[];
  /** The root volume of Windows, by libguestfs' name. */
  root: string;
  /** An ISO, or a folder with its content. */
  virtioWin: string;
  /** Values of `--mac`. */
  mac?: readonly string[] | undefined;
  /** Receives the program's message about its next step. */
  onStep: (text: string) => void;
}

/** An old Windows and an emulated appliance need several minutes. */
const LIMIT_MS = 3_600_000;
const KEPT_STDERR_CHARACTERS = 8192;
const MOST_WARNINGS = 50;

/**
 * The program reports its setup and the opening of the source before it starts its appliance, and its next step once
 * that is running. Older versions print fewer messages before. Until then nothing is written to the disks.
 */
const MESSAGES_UNTIL_UP = 3;

/**
 * Runs virt-v2v-in-place on the guest on `disks`, and returns its warnings. After a failure, which is thrown with the
 * program's message, the images may be partly changed. An abort ends the program before this returns. The caller must
 * check the result: the program also succeeds if it found no driver.
 */
export async function runVirtV2v(options: VirtV2vOptions): Promise<string[]> {
  return await startAppliance(options, (how) => runOnce(options, how));
}

async function runOnce(options: VirtV2vOptions, { env, limitMs }: ApplianceStart): Promise<string[]> {
  const { program, disks, root, virtioWin, mac = [] } = options;
  const scratch = await mkdtemp(join(tmpdir(), 'hyper2kvm-v2v-'));
  try {
    const machine = join(scratch, 'machine.xml');
    await writeFile(machine, machineXml(disks), { flag: 'wx', mode: 0o600 });
    const nics = mac.flatMap((value) => ['--mac', value]);
    const args = [program, '--machine-readable', '--root', root, ...nics, '-i', 'libvirtxml', machine];
    const child = spawnTied(args, {
      env: { ...env, ...scratchEnvironment(scratch), TMPDIR: scratch, VIRTIO_WIN: virtioWin },
      scratch,
    });
    child.stdin.on('error', () => {}).end(); // The end of the process reports the error.
    return await outcomeOf(child, limitMs, options);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function outcomeOf(
  child: ChildProcessWithoutNullStreams,
  limitMs: number,
  { signal, onStep }: Pick<VirtV2vOptions, 'signal' | 'onStep'>,
): Promise<string[]> {
  using launch = new LaunchLimit(child.pid, limitMs);
  const warnings: string[] = [];
  let messages = 0;
  let failure = '';
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-KEPT_STDERR_CHARACTERS);
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    const said = readJson(line, MessageSchema);
    if (said === undefined) return;
    const text = said.message.replace(/\s+/g, ' ').trim();
    if (said.type === 'message') {
      messages += 1;
      if (messages === MESSAGES_UNTIL_UP) launch[Symbol.dispose]();
      onStep(text);
    } else if (said.type === 'error') failure = text;
    else if (said.type === 'warning' && warnings.length < MOST_WARNINGS) warnings.push(text);
  });
  const code = await exitOfAppliance(child, {
    signal,
    launch: launch.signal,
    limitMs: LIMIT_MS,
    tooLong: () => virtV2vTooLong(LIMIT_MS),
  });
  if (launch.signal.aborted) throw applianceTooLong(limitMs);
  if (code === 0) return warnings;
  const failed = virtV2vFailed(failure || stderr.trim().replace(/\s+/g, ' ') || `it ended with code ${code}.`);
  throw messages < MESSAGES_UNTIL_UP
    ? new ApplianceStartError('The appliance of virt-v2v-in-place did not start', failed)
    : failed;
}

/** The messages of `--machine-readable`, in addition to the text for people. */
const MessageSchema = object({ type: string(), message: string() });

/** The part of a libvirt domain that virt-v2v-in-place reads: `-i disk` would accept one disk only. */
function machineXml(disks: readonly GuestfsDisk[]): string {
  const drives = disks.map(({ path, format }) =>
    element('disk', { type: 'file', device: 'disk' }, [
      element('driver', { name: 'qemu', type: format }),
      element('source', { file: resolve(path) }),
    ]),
  );
  const machine = element('domain', { type: 'kvm' }, [
    element('name', {}, 'windows'),
    element('memory', {}, '1048576'),
    element('vcpu', {}, '1'),
    element('os', {}, [element('type', {}, 'hvm')]),
    element('devices', {}, drives),
  ]);
  return `${machine.join('\n')}\n`;
}
