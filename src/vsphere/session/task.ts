import { Hyper2kvmError, isRetryable } from '../../base/errors.ts';
import { pause, withTimeLimit } from '../../base/time-limit.ts';
import { faultOfLocalized, isFault } from '../soap/fault.ts';
import { readProperties, requireProperty } from './properties.ts';
import { refOf } from '../soap/soap-envelope.ts';
import type { VsphereClient } from './vsphere-client.ts';
import type { MoRef } from '../soap/wsdl-types.ts';
import type { XmlElement } from '../soap/xml-element.ts';

/** Pause before the next poll of a task or lease: short at first, because most finish quickly. */
export function pollIntervalMs(look: number): number {
  return Math.min(2000, 25 * 2 ** look);
}

/** Most tasks take seconds, but consolidating the disks of an old snapshot takes hours. */
const TASK_LIMIT_MS = 12 * 3_600_000;

/**
 * A task continues when a poll fails, and only a caller that learns its result can undo its work. This many failed
 * polls in a row are tolerated.
 */
const MOST_FAILED_LOOKS = 5;

/** When a task object no longer exists, its effect is visible on the target object at once, or slightly later if several servers answer. */
const SETTLE_LIMIT_MS = 60_000;

/**
 * Determines from the target object whether a task has finished: returns the result of the task, or undefined while it
 * has not finished.
 */
export type LookForResult<Result> = (signal: AbortSignal) => Promise<Result | undefined>;

/**
 * Waits for the task that a `…_Task` call returned, and returns its result, if any. A server forgets finished tasks,
 * sometimes before the client has seen their end. In that case, `look` determines the result.
 * @throws VsphereFault with the fault of the task; the signal's reason (the task then continues unobserved).
 */
export async function waitForTask<Result>(
  client: VsphereClient,
  response: XmlElement,
  { during, look }: { during: string; look: LookForResult<Result> },
  signal: AbortSignal,
): Promise<MoRef | Result | undefined> {
  const task = refOf(response.find('returnval'));
  if (!task) throw new Hyper2kvmError('transfer', `${during} returned no task.`);
  return withTimeLimit(TASK_LIMIT_MS, during, signal, async (limited) => {
    const ended = await watchTask(client, task, during, limited);
    return ended === 'gone' ? settle(during, look, limited) : ended.result;
  });
}

async function watchTask(
  client: VsphereClient,
  task: MoRef,
  during: string,
  signal: AbortSignal,
): Promise<{ result: MoRef | undefined } | 'gone'> {
  let failures = 0;
  for (let count = 0; ; count += 1) {
    let info;
    try {
      info = requireProperty(await readProperties(client, task, ['info'], signal), 'info', during);
      failures = 0;
    } catch (error) {
      // Only the task was read, so this fault does not concern the task's target object.
      if (isFault(error, 'ManagedObjectNotFound')) return 'gone';
      failures += 1;
      if (!isRetryable(error) || failures > MOST_FAILED_LOOKS) throw error;
    }
    const state = info?.textOf('state');
    if (state === 'success') return { result: refOf(info?.find('result')) };
    const error = info?.find('error');
    if (state === 'error' && error) throw faultOfLocalized(error, during);
    await pause(pollIntervalMs(count), signal);
  }
}

async function settle<Result>(during: string, look: LookForResult<Result>, signal: AbortSignal): Promise<Result> {
  const endsAt = Date.now() + SETTLE_LIMIT_MS;
  for (let count = 0; ; count += 1) {
    const result = await look(signal);
    if (result !== undefined) return result;
    if (Date.now() >= endsAt) {
      const sentence = `${during} has an unknown result: its task no longer exists on the server.`;
      throw new Hyper2kvmError('transfer', sentence, { retryable: true });
    }
    await pause(pollIntervalMs(count), signal);
  }
}
