import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { spawnTied } from '../../base/process/tied-process.ts';
import { foreignText } from '../../base/text/foreign-text.ts';
import {
  scratchEnvironment,
  startAppliance,
  type ApplianceOptions,
  type ApplianceStart,
} from '../appliance-environment.ts';
import { exitOfAppliance } from '../appliance-exit.ts';
import { ApplianceStartError, applianceTooLong } from '../guestfs-errors.ts';
import type { GuestfsDisk } from '../guestfs.ts';
import type { DeviceKey } from '../inspect/disks/unlock.ts';
import { LaunchLimit } from '../launch-limit.ts';
import { withoutSecrets } from './command-file.ts';
import { customizeFailed, customizeTooLong } from './customize-errors.ts';
import type { VirtCustomize } from './find-virt-customize.ts';

export interface CustomizeRun extends ApplianceOptions {
  program: VirtCustomize;
  /** In VM order. They are changed in place, and no other process has them open. */
  disks: readonly GuestfsDisk[];
  keys: readonly DeviceKey[];
  /** The content of the command file; undefined without one. */
  text: string | undefined;
  /** Further commands as options, after those of the file. `scratch` is a private folder that exists during the run. */
  more: (scratch: string) => Promise<readonly string[]>;
  /** The appliance reaches the network of this host. */
  network: boolean;
  /** The guest uses SELinux. */
  relabel: boolean;
  /** Texts that no message may contain. */
  secrets: readonly string[];
  /** What to do if a command fails. */
  hint: string;
  /** Receives the program's message about its current step, without secrets. */
  onStep: (text: string) => void;
}

/** Packages over a slow network and an emulated appliance need long. */
const LIMIT_MS = 7_200_000;
/** The end of the output of a failed command is shown. */
const SHOWN_CHARACTERS = 1500;
const MOST_WARNINGS = 50;

/**
 * The program prints a line before it starts its appliance, and the next one once it has found the operating system.
 * Until then nothing is written to the disks.
 */
const STEPS_UNTIL_UP = 2;
/** The inspection takes as long as the start of the appliance. */
const INSPECTION_FACTOR = 2;

/** A line about the next step: `[  12.3] Running: …`. */
const STEP = /^\[\s*\d+\.\d\] (.*)$/;

/**
 * The program prints the output of a failed command by opening /dev/stderr, which is impossible for the sockets that
 * this process has: a pipe is between them. The exit code is the program's. The end of the pipe is that of all processes
 * that the program started, also after SIGTERM.
 */
const WITH_PIPE =
  'trap : TERM; { "$@" 2>&1; echo $? >"$code"; } | { trap "" TERM; exec cat; }; read -r status <"$code" && exit "$status"';

/**
 * Runs virt-customize on the guest on `disks`, and returns its warnings. After a failure, which is thrown with the last
 * step and its output, the images are partly changed. An abort ends the program before this returns.
 */
export async function runVirtCustomize(options: CustomizeRun): Promise<string[]> {
  return await startAppliance(options, (how) => runOnce(options, how));
}

async function runOnce(options: CustomizeRun, { env, limitMs }: ApplianceStart): Promise<string[]> {
  const scratch = await mkdtemp(join(tmpdir(), 'hyper2kvm-customize-'));
  try {
    const args = await argumentsOf(options, scratch);
    const code = join(scratch, 'code');
    const child = spawnTied(['/bin/sh', '-c', `code=$0; ${WITH_PIPE}`, code, options.program.path, ...args], {
      env: { ...env, ...scratchEnvironment(scratch), TMPDIR: scratch },
      scratch,
    });
    child.stdin.on('error', () => {}).end(); // The end of the process reports the error.
    return await outcomeOf(child, limitMs * INSPECTION_FACTOR, options);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function argumentsOf(
  { disks, keys, program, network, relabel, text, more }: CustomizeRun,
  scratch: string,
): Promise<string[]> {
  const file = join(scratch, 'commands');
  if (text !== undefined) await writeFile(file, text, { flag: 'wx', mode: 0o600 });
  return [
    ...disks.flatMap(({ path, format }) => ['--format', format, '--add', path]),
    ...keys.flatMap(({ device, keyFile }) => ['--key', `${device}:file:${keyFile}`]),
    network ? '--network' : '--no-network',
    // Versions that relabel without being asked accept the option too.
    ...(relabel && program.options.has('selinux-relabel') ? ['--selinux-relabel'] : []),
    ...(text === undefined ? [] : ['--commands-from-file', file]),
    ...(await more(scratch)),
  ];
}

async function outcomeOf(
  child: ChildProcessWithoutNullStreams,
  limitMs: number,
  { signal, onStep, secrets, hint }: CustomizeRun,
): Promise<string[]> {
  using launch = new LaunchLimit(child.pid, limitMs);
  const warnings: string[] = [];
  let steps = 0;
  let step = '';
  let output = '';
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (raw) => {
    const line = withoutSecrets(raw, secrets);
    const [, found] = STEP.exec(line) ?? [];
    const [, warning] = /^virt-customize: warning: (.*)$/.exec(line) ?? [];
    if (found !== undefined) {
      steps += 1;
      if (steps === STEPS_UNTIL_UP) launch[Symbol.dispose]();
      [step, output] = [found, ''];
      onStep(foreignText(found));
    } else if (warning !== undefined) {
      if (warnings.length < MOST_WARNINGS) warnings.push(foreignText(warning));
    } else output = (output + line + '\n').slice(-4 * SHOWN_CHARACTERS);
  });
  child.stderr.resume();
  const ended = once(lines, 'close');
  const code = await exitOfAppliance(child, {
    signal,
    launch: launch.signal,
    limitMs: LIMIT_MS,
    tooLong: () => customizeTooLong(LIMIT_MS, foreignText(step)),
  });
  await ended;
  if (launch.signal.aborted) throw applianceTooLong(limitMs);
  if (code === 0) return warnings;
  const said = complaintOf(output, secrets) || `it ended with code ${code}`;
  const failed = customizeFailed(step === '' ? said : `${foreignText(step)}\n${said}`, hint);
  throw steps < STEPS_UNTIL_UP
    ? new ApplianceStartError('The appliance of virt-customize did not start', failed)
    : failed;
}

/** The output since the last step, without the advice to report a bug. */
function complaintOf(output: string, secrets: readonly string[]): string {
  const [said = ''] = output.split('\nIf reporting bugs, run virt-customize');
  const clean = withoutSecrets(said, secrets).trim();
  return clean.length <= SHOWN_CHARACTERS ? clean : `… ${clean.slice(-SHOWN_CHARACTERS)}`;
}
