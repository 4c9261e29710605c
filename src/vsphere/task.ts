import { Hyper2kvmError, isRetryable } from '../base/errors.ts';
import { pause, withTimeLimit } from '../base/time-limit.ts';
import { faultOfLocalized } from './fault.ts';
import { readProperties } from './properties.ts';
import { refOf } from './soap-envelope.ts';
import type { VsphereClient } from './vsphere-client.ts';
import type { MoRef } from './wsdl-types.ts';
import type { XmlElement } from './xml-element.ts';

/** Between two looks at a task or a lease: quick at first, since most are over at once. */
export function pollIntervalMs(look: number): number {
  return Math.min(2000, 25 * 2 ** look);
}

/** Most tasks take seconds; merging the disks of a snapshot that stood for long takes hours. */
const TASK_LIMIT_MS = 12 * 3_600_000;

/** The task goes on when a look at it fails, and what it has done can only be undone by whoever saw its end. So many in a row are borne. */
const MOST_FAILED_LOOKS = 5;

/**
 * Waits for the task that a `…_Task` call returned and gives its result.
 * @throws VsphereFault with the task's own fault; the signal's reason, the task then going on without a watcher.
 */
export async function waitForTask(
  client: VsphereClient,
  response: XmlElement,
  during: string,
  signal: AbortSignal,
): Promise<MoRef | undefined> {
  const task = refOf(response.find('returnval'));
  if (!task) throw new Hyper2kvmError('transfer', `${during} returned no task.`);
  return withTimeLimit(TASK_LIMIT_MS, during, signal, (limited) => watchTask(client, task, during, limited));
}

async function watchTask(
  client: VsphereClient,
  task: MoRef,
  during: string,
  signal: AbortSignal,
): Promise<MoRef | undefined> {
  let failures = 0;
  for (let look = 0; ; look += 1) {
    let info;
    try {
      info = (await readProperties(client, task, ['info'], signal)).properties.get('info');
      failures = 0;
    } catch (error) {
      failures += 1;
      if (!isRetryable(error) || failures > MOST_FAILED_LOOKS) throw error;
    }
    const state = info?.textOf('state');
    if (state === 'success') return refOf(info?.find('result'));
    const error = info?.find('error');
    if (state === 'error' && error) throw faultOfLocalized(error, during);
    await pause(pollIntervalMs(look), signal);
  }
}
