import { Hyper2kvmError } from '../../../base/errors.ts';
import { jobErrorOf } from '../../../jobs/job-record-text.ts';
import { bootTestError } from '../../boot-test/boot-test.ts';
import type { FoundVm } from '../../export/plan/find-vms.ts';
import { SessionKeepAlive } from '../../export/source/session-keep-alive.ts';
import type { RoundScope } from '../scope.ts';
import type { GuestOptions, Rehearsal } from '../types.ts';
import { PreparedGuest } from './prepared-guest.ts';
import { readReplicaVm } from './replica-vm.ts';

/**
 * Prepares the guest of the replica in overlays and boots it there, as a cutover would. Records the result in the
 * replica, whose images are only read. The next round waits for the lock of this one.
 * @throws the signal's reason, and errors of the record. A guest or a host that fails is a result with `error`.
 */
export async function rehearse(
  found: FoundVm,
  scope: RoundScope,
  requested: GuestOptions,
  signal: AbortSignal,
): Promise<Rehearsal> {
  const { client, replica } = scope;
  const { point } = replica.state;
  if (point === null) throw new Error('a rehearsal before the first round');
  await using held = new AsyncDisposableStack();
  held.use(new SessionKeepAlive(client));
  const startedAt = Date.now();
  const done: Omit<Rehearsal, 'seconds'> = { takenAt: point.takenAt, fixSeconds: null, bootSeconds: null };
  try {
    await prepareAndBoot(found, scope, { requested, done }, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof Hyper2kvmError)) throw error;
    done.error = jobErrorOf(error);
  }
  const rehearsal = { ...done, seconds: (Date.now() - startedAt) / 1000 };
  const { error, fixSeconds, bootSeconds, bootTest } = rehearsal;
  await replica.update({
    rehearsal: {
      round: point.number,
      takenAt: point.takenAt,
      rehearsedAt: new Date().toISOString(),
      isGood: error === undefined,
      ...(error !== undefined && { problem: error.message }),
      fixSeconds,
      bootSeconds,
      ...(bootTest !== undefined && { accelerator: bootTest.accelerator }),
    },
  });
  return rehearsal;
}

async function prepareAndBoot(
  found: FoundVm,
  scope: RoundScope,
  { requested, done }: { requested: GuestOptions; done: Omit<Rehearsal, 'seconds'> },
  signal: AbortSignal,
): Promise<void> {
  const { vm, options, step, report } = scope;
  const replicaVm = await readReplicaVm(found, scope, signal);
  const prepare = { ...requested, env: options.env, user: '--rehearse' };
  await using prepared = await PreparedGuest.prepare(replicaVm, prepare, { signal, step });
  const { guest, hardware, fixSeconds } = prepared;
  if (guest !== undefined) done.guest = guest;
  done.hardware = hardware;
  done.fixSeconds = fixSeconds;
  // A domain's name can differ from its VM's.
  const { bootTest, signOfLifeSeconds } = await prepared.boot({ signal, report: (event) => report({ ...event, vm }) });
  done.bootTest = bootTest;
  done.bootSeconds = signOfLifeSeconds;
  const failure = bootTestError(bootTest);
  if (failure !== undefined) throw failure;
}
