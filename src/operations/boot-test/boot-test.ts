import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { formatDuration } from '../../base/text/amounts.ts';
import { Hyper2kvmError, InterruptedError } from '../../base/errors.ts';
import { findQemu, type QemuPrograms } from '../../guest/boot/qemu/find-qemu.ts';
import { findUefiFirmware, type FirmwareNeeds } from '../../guest/boot/qemu/uefi-firmware.ts';
import { readPassphrase } from '../../guest/inspect/disks/unlock.ts';
import { makeJobFolder } from '../../jobs/jobs-folder.ts';
import type { JobHandle } from '../../jobs/job-handle.ts';
import { createJob } from '../../jobs/job-store.ts';
import { findGuestNet, foreignNics } from '../guest-net/read-guest-net.ts';
import type { OperationContext } from '../operation-context.ts';
import { bootOnce } from './boot-once.ts';
import { addressDifferences, problemOf } from './boot-problem.ts';
import type { BootTarget } from './boot-target.ts';
import { readTarget } from './read-target.ts';
import type { BootTestEvent, BootTestOptions, BootTestResult } from './types.ts';

/** Every setting as in the domain, with the default time limits of a boot test. */
export const PLAIN_BOOT_TEST = {
  timeoutMs: undefined,
  firmware: undefined,
  memoryBytes: undefined,
  accelerator: 'auto',
} as const;

/**
 * Checks that this host can run boot tests, before work whose result a boot test is to prove. `firmware` is the kind
 * that the VM needs if it is UEFI; undefined for BIOS or if it is not yet known.
 * @throws kind `host`.
 */
export async function checkBootTest(
  env: NodeJS.ProcessEnv,
  firmware: FirmwareNeeds | undefined,
): Promise<QemuPrograms> {
  const programs = await findQemu(env);
  if (firmware !== undefined) await findUefiFirmware(firmware);
  return programs;
}

/**
 * Boots a domain or a disk in QEMU, isolated from every network, and reports the outcome. The disks are opened
 * read-only. The screenshot and the console log stay in the folder of the job record. A guest that does not come up
 * is a result with a `problem`.
 * @throws if the test could not be carried out.
 */
export async function bootTest(
  given: BootTestOptions,
  { signal, report }: OperationContext<BootTestEvent>,
): Promise<BootTestResult> {
  const found = given.guestNet === undefined ? await findGuestNet(given.target, given.guestNetFile) : undefined;
  const options = { ...given, guestNet: given.guestNet ?? found };
  const target = await readTarget(options);
  await requireDisks(target);
  const programs = await checkBootTest(options.env, undefined);
  const passphrases = await Promise.all((options.keys ?? []).map(({ keyFile }) => readPassphrase(keyFile)));
  const { name } = target;
  const warnings: string[] = [];
  const warn = (message: string): void => {
    warnings.push(message);
    report({ type: 'warning', vm: name, message });
  };
  for (const message of target.warnings) warn(message);
  const foreign =
    found &&
    foreignNics(
      found,
      target.machine.nics.map(({ mac }) => mac),
    );
  if (foreign !== undefined) warn(foreign);
  const job = await createJob({
    kind: 'boot-test',
    request: { server: '', vms: [name], format: '', output: resolve(options.target) },
    env: options.env,
    onProblem: warn,
  });
  try {
    const folder = await makeJobFolder(options.env, job.id);
    const tell = (detail: string): void => report({ type: 'step', vm: name, step: 'boot-test', detail });
    const boot = await bootOnce({ target, programs, options, passphrases, folder, tell, warn }, signal);
    const booted = { target: options.target, name, ...boot, job: job.id, warnings };
    for (const message of addressDifferences(booted)) warn(message);
    const problem = problemOf(booted, target, options.requireAddresses);
    const result = problem === undefined ? booted : { ...booted, problem };
    await recordEnd(job, result);
    return result;
  } catch (error) {
    await job.end(error instanceof InterruptedError ? 'interrupted' : 'failed', error);
    throw error;
  }
}

/** The error that a command ends with if the result is not a proof. */
export function bootTestError({ problem }: BootTestResult): Hyper2kvmError | undefined {
  return problem === undefined ? undefined : new Hyper2kvmError('guest', problem.message, { hint: problem.hint });
}

/** A sentence for people. */
export function bootedWords({ name, seconds, loginPromptSeconds, guestAgentSeconds }: BootTestResult): string {
  const up = loginPromptSeconds ?? guestAgentSeconds;
  return `${name} came up in ${formatDuration(up ?? seconds)}.`;
}

/** QEMU reports a missing or unreadable disk late, and names an overlay instead of the disk. */
async function requireDisks({ name, machine }: BootTarget): Promise<void> {
  if (machine.disks.length === 0) throw new Hyper2kvmError('image', `${name} has no disk to boot from.`);
  for (const { path } of machine.disks) {
    await stat(path).catch((cause: unknown) => {
      throw new Hyper2kvmError('local-file', `The disk ${path} of ${name} cannot be found.`, {
        cause,
        hint: 'Paths in a domain are valid on the host that it was written on. Move the disk, or correct the path in the domain.',
      });
    });
  }
}

async function recordEnd(job: JobHandle, { picture, serialLog, problem }: BootTestResult): Promise<void> {
  const paths = [...(picture === null ? [] : [picture]), serialLog];
  const files = await Promise.all(paths.map(async (path) => ({ path, sizeBytes: (await stat(path)).size })));
  job.update({ files });
  await job.end(
    problem === undefined ? 'done' : 'failed',
    problem && new Hyper2kvmError('guest', problem.message, { hint: problem.hint }),
  );
}
