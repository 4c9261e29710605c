import { Hyper2kvmError } from '../../../base/errors.ts';
import { formatDuration } from '../../../base/text/amounts.ts';
import { pause } from '../../../base/time-limit.ts';
import { powerOff, powerOn, shutdownGuest } from '../../../vsphere/vm/power.ts';
import { readPowerState, readVmFacts } from '../../../vsphere/vm/vm-facts.ts';
import { whileBusy } from '../../../vsphere/vm/while-busy.ts';
import { isSourceOff, type CutoverScope, type PlaceScope } from '../scope.ts';
import type { CutoverStep } from '../types.ts';

/** A shutdown that was requested before a failure can still be under way. */
const LATE_SHUTDOWN_MS = 60_000;
const POLL_MS = 1000;

/** Shuts the guest down, and confirms that the VM is off. */
export async function shutDown(scope: CutoverScope, signal: AbortSignal): Promise<CutoverStep> {
  const { state } = scope;
  if (!(await isSourceOff(scope, signal))) {
    // The replica of a run that was killed here can be hours old.
    if (scope.takesOver('shutdown')) return 'warm-rounds';
    await powerDown(scope, signal);
  }
  if (!(await isSourceOff(scope, signal))) {
    throw new Hyper2kvmError('transfer', `${scope.found.label} is not powered off.`, {
      hint: 'Look at its tasks on the server, then try again.',
    });
  }
  await state.update({ poweredOffAt: new Date().toISOString() });
  return 'final-round';
}

async function powerDown(scope: CutoverScope, signal: AbortSignal): Promise<void> {
  const { client, found, options, step } = scope;
  const { ref } = found.vm;
  const limit = formatDuration(options.shutdownLimitMs / 1000);
  step('shutdown', `Shutting down the guest of ${found.label}, at most ${limit}`);
  const { toolsRunning } = await readVmFacts(client, ref, signal);
  if (toolsRunning && (await shutdownGuest(client, ref, options.shutdownLimitMs, signal))) return;
  if (!options.forcePowerOff) {
    throw new Hyper2kvmError('transfer', `The guest of ${found.label} did not shut down within ${limit}.`, {
      hint: 'Give it more time with --shutdown-timeout, or add --force-power-off.',
    });
  }
  step('shutdown', `Powering ${found.label} off`);
  await powerOff(client, ref, signal);
}

/** Powers the source on again if it was on before the cutover. The caller has confirmed that the domain here is off. */
export async function powerOnAgain(scope: PlaceScope, signal: AbortSignal): Promise<'on' | 'off'> {
  const { client, found, state, step } = scope;
  const { ref } = found.vm;
  if (wasShuttingDown(scope)) await waitForLateShutdown(scope, signal);
  const before = await readPowerState(client, ref, signal);
  if (before !== 'poweredOff') return 'on';
  if (!state.record.sourceWasOn) return 'off';
  step('clean-up', `Powering ${found.label} on again`);
  // A lease of a run that was killed keeps the VM busy for some minutes.
  await whileBusy(signal, () => powerOn(client, ref, signal));
  const after = await readPowerState(client, ref, signal);
  if (after === 'poweredOn') return 'on';
  throw new Hyper2kvmError('transfer', `${found.label} is ${after} on the source after it was powered on.`, {
    hint: 'Look at its tasks on the server.',
  });
}

/** The shutdown was requested, and the VM was not seen to be off since. */
function wasShuttingDown({ state }: PlaceScope): boolean {
  const { history, poweredOffAt } = state.record;
  return poweredOffAt === null && history.some(({ step }) => step === 'shutdown');
}

/** A guest cannot be told to stop a shutdown, so the VM can be powered on only after that. */
async function waitForLateShutdown(scope: PlaceScope, signal: AbortSignal): Promise<void> {
  const { found, shutdownLimitMs, step, warn } = scope;
  const limitMs = Math.min(LATE_SHUTDOWN_MS, shutdownLimitMs);
  const endsAt = Date.now() + limitMs;
  step('clean-up', `Waiting up to ${formatDuration(limitMs / 1000)} for the requested shutdown of ${found.label}`);
  for (;;) {
    if (await isSourceOff(scope, signal)) return;
    if (Date.now() >= endsAt) break;
    await pause(Math.min(POLL_MS, limitMs), signal);
  }
  warn(`The guest of ${found.label} was asked to shut down, and is still running. Check that it stays on.`);
}
