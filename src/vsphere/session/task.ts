import { Hyper2kvmError, isRetryable } from '../../base/errors.ts';
import { pause, withTimeLimit } from '../../base/time-limit.ts';
import { faultOfLocalized, isFault } from '../soap/fault.ts';
import { readProperties, requireProperty } from './properties.ts';
import { refOf } from '../soap/soap-envelope.ts';
import type { VsphereClient } from './vsphere-client.ts';
import type { MoRef } from '../soap/wsdl-types.ts';
import type { XmlElement } from '../soap/xml-element.ts';

/** Between two looks at a task or a lease: quick at first, since most are over at once. */
export function pollIntervalMs(look: number): number {
  return Math.min(2000, 25 * 2 ** look);
}

/** Most tasks take seconds; merging the disks of a snapshot that stood for long takes hours. */
const TASK_LIMIT_MS = 12 * 3_600_000;

/** The task goes on when a look at it fails, and what it has done can only be undone by whoever saw its end. So many in a row are borne. */
const MOST_FAILED_LOOKS = 5;

/** What a task that is gone has done shows in its object at once, or a little later where several servers answer. */
const SETTLE_LIMIT_MS = 60_000;

/** How to learn from the object itself that a task has done its work: what the task results in, or undefined as long as it has not. */
export type LookForResult<Result> = (signal: AbortSignal) => Promise<Result | undefined>;

/**
 * Waits for the task that a `…_Task` call returned and gives its result, which may be none. A server forgets finished tasks, sometimes before anybody saw their
 * end: then `look` finds out what came of it.
 * @throws VsphereFault with the task's own fault; the signal's reason, the task then going on without a watcher.
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
      // Only the task was asked for: this is not the fault of the object that it works on.
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
