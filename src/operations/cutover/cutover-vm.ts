import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { localFileError } from '../../base/files/local-file-error.ts';
import { Hyper2kvmError } from '../../base/errors.ts';
import { readPowerState } from '../../vsphere/vm/vm-facts.ts';
import type { ExportedFile } from '../export/types.ts';
import type { OperationContext } from '../operation-context.ts';
import { cutoverRecordName, readCutover } from '../sync/replica/cutover-record.ts';
import { readState, stateName, type ReplicaState } from '../sync/replica/replica-state.ts';
import { shareAmong } from '../sync/sync-vms.ts';
import type { SyncOptions } from '../sync/types.ts';
import { CutoverState } from './cutover-state.ts';
import { downtimeOf } from './downtime.ts';
import { rollBack } from './rollback.ts';
import { runSteps } from './run-steps.ts';
import { withReplica, type LockedPlace } from './with-replica.ts';
import type { CutoverFindings, CutoverScope } from './scope.ts';
import { requireReplica } from './steps/checks.ts';
import type {
  CutoverEvent,
  CutoverOptions,
  CutoverResult,
  CutoverStep,
  RollbackOptions,
  RollbackResult,
} from './types.ts';

/**
 * Moves a VM from the source to its replica: shuts it down, copies the last changes, prepares the guest, and starts it
 * here as requested. Continues a cutover that was killed. Writes a job record.
 * @throws the failure, after the VM was given back to the source unless the options forbid it.
 */
export function cutOverVm(options: CutoverOptions, context: OperationContext<CutoverEvent>): Promise<CutoverResult> {
  return withReplica(options, context, async (place, signal) => {
    const { found, output } = place;
    const { format } = await requireReplica(found, output);
    const { state, resumedStep } = await openState(place, signal);
    const scope = scopeOf(place, options, { state, format, resumedStep });
    await runSteps(scope, signal);
    return await resultOf(place, scope);
  });
}

/** Gives a VM back to the source, and its replica to `sync`. */
export function rollBackVm(options: RollbackOptions, context: OperationContext<CutoverEvent>): Promise<RollbackResult> {
  return withReplica(options, context, async (place, signal) => {
    const { found, output, shutdownLimitMs, warnings } = place;
    const record = await readCutover(recordPath(place));
    if (record === undefined) {
      throw new Hyper2kvmError('not-found', `There is no cutover of ${found.label} in ${output}.`, {
        hint: 'Name the same --output as in the cutover. The replica belongs to sync.',
      });
    }
    requireOwn(place, record.vm.identity);
    if (record.history.some(({ step }) => step === 'done') && !options.force) {
      throw new Hyper2kvmError(
        'usage',
        `The cutover of ${found.label} is finished: a rollback loses everything that the guest wrote here since.`,
        { hint: 'To do it anyway, add --force.' },
      );
    }
    const state = CutoverState.resume(recordPath(place), record);
    const undone = await rollBack({ ...place, state, shutdownLimitMs }, signal);
    const { vm, moRef, inventoryPath, job } = place;
    return { state: 'rolled-back', job, vm, moRef, inventoryPath, output, ...undone, files: [], warnings, seconds: 0 };
  });
}

/** The state of the cutover, and the step in which an earlier run ended. A rollback that was killed is completed first. */
async function openState(
  place: LockedPlace,
  signal: AbortSignal,
): Promise<{ state: CutoverState; resumedStep: CutoverStep | undefined }> {
  const { client, found, step } = place;
  const path = recordPath(place);
  const record = await readCutover(path);
  if (record !== undefined) {
    requireOwn(place, record.vm.identity);
    const state = CutoverState.resume(path, record);
    if (record.step !== 'rollback') {
      step('preflight', `Continuing the cutover of ${found.label} in the step ${record.step}`);
      return { state, resumedStep: record.step };
    }
    step('clean-up', 'Completing the rollback of an earlier run');
    await rollBack({ ...place, state }, signal);
  }
  const { name, ref } = found.vm;
  const vm = { name, moRef: ref.value, identity: found.identity, server: client.server };
  const wasOn = (await readPowerState(client, ref, signal)) !== 'poweredOff';
  return { state: await CutoverState.begin(path, vm, wasOn), resumedStep: undefined };
}

function recordPath({ output, found }: LockedPlace): string {
  return join(output, cutoverRecordName(found.baseName));
}

function requireOwn({ found, output }: LockedPlace, identity: string): void {
  if (identity === found.identity) return;
  throw new Hyper2kvmError('local-file', `${output} has the cutover of another VM.`, { hint: 'Check --output.' });
}

function scopeOf(
  place: LockedPlace,
  options: CutoverOptions,
  {
    state,
    format,
    resumedStep,
  }: { state: CutoverState; format: ReplicaState['format']; resumedStep: CutoverStep | undefined },
): CutoverScope {
  const { client, job, warn, report } = place;
  const all: SyncOptions = {
    ...options,
    audit: undefined,
    vms: [options.vm],
    isList: false,
    format,
    quiesce: false,
    jobs: 1,
  };
  const shared = shareAmong(client, all, { job, warn, report });
  let resumed = resumedStep;
  const takesOver = (step: CutoverStep): boolean => {
    const isTakenOver = resumed === step;
    resumed = undefined;
    return isTakenOver;
  };
  const findings: CutoverFindings = { rounds: [] };
  return { ...place, state, options, shared, findings, takesOver };
}

async function resultOf(place: LockedPlace, { state, findings }: CutoverScope): Promise<CutoverResult> {
  const { job, vm, moRef, inventoryPath, output, found, warnings, leftBehind } = place;
  const { record } = state;
  const { domain } = record;
  if (domain === undefined) throw new Error('a finished cutover without a domain');
  const replica = await readState(join(output, stateName(found.baseName)));
  const images = (replica?.point?.disks ?? []).map(({ file }) => join(output, file));
  const { path, name, uuid, uri, isStarted } = domain;
  return {
    state: 'done',
    job,
    vm,
    moRef,
    inventoryPath,
    output,
    finishedAt: record.history.findLast(({ step }) => step === 'done')?.at ?? '',
    domain: { path, name, uuid, uri, isStarted },
    ...findings,
    sign: record.sign?.kind ?? null,
    downtime: downtimeOf(record) ?? null,
    files: await Promise.all([...images, path].map(fileOf)),
    warnings,
    ...(leftBehind.length > 0 && { leftBehind }),
    seconds: 0,
  };
}

async function fileOf(path: string): Promise<ExportedFile> {
  try {
    return { path, sizeBytes: (await stat(path)).size };
  } catch (error) {
    throw localFileError('read', path, error);
  }
}
