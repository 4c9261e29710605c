import { basename, dirname, join } from 'node:path';
import type { FileClaims } from '../../../base/claims/file-claim.ts';
import { CleanUp } from '../../clean-up.ts';
import { refusalOf } from '../plan/findings.ts';
import { settleEarlierRun } from '../source/export-source.ts';
import { exportVm, type VmExport } from './export-vm.ts';
import { Generations } from '../history/generations.ts';
import { findExisting, watchForChange } from '../history/if-changed.ts';
import { lockPlace } from './locked-place.ts';
import type { SourceState } from '../history/source-state.ts';
import { ResumeRecord, resumeRecordName } from '../history/resume-record.ts';
import type { PowerChoice, VmExportResult } from '../types.ts';
import { postExport } from './post-export.ts';
import { doneSteps, keptResult, onlyPending, pendingSteps } from '../history/complete-exports.ts';
import {
  NOTHING_DONE,
  CompletionRecord,
  completionRecordName,
  type CompleteExport,
} from '../history/completion-record.ts';
import type { ExportStep } from '../../events.ts';

type Task = Omit<VmExport, 'folder'> & {
  leftBehind: readonly string[];
  /** The subset of `leftBehind` that stays until somebody removes it. */
  lasting: readonly string[];
  /** A complete export of the VM was found before, and there is still work to do with its files. */
  isComplete: boolean;
  claims: FileClaims;
};

/** The result for the VM, or the files of an earlier run with no remaining work. */
export type LockedOutcome = { exported: VmExportResult } | { complete: CompleteExport };

/**
 * Exports one VM under a lock that keeps other runs from writing it to the same folder, then runs the requested steps
 * on the result. `leftBehind` contains the messages of clean-up so far.
 */
export async function exportLocked(task: Task, signal: AbortSignal): Promise<LockedOutcome> {
  const { plan, baseName, options, job, claims } = task;
  if (!task.isComplete) requireGood(plan);
  const folder = options.keep === undefined ? plan.output : dirname(plan.output);
  await using held = new AsyncDisposableStack();
  held.use(await lockPlace(folder, baseName, { doing: `exporting ${plan.vm} to ${folder}`, job, claims }));
  return options.keep === undefined
    ? await exportAndUse(task, signal)
    : await exportGeneration(task, folder, options.keep, signal);
}

function requireGood(plan: Task['plan']): void {
  const refusal = refusalOf(plan);
  if (refusal) throw refusal;
}

async function exportAndUse(task: Task, signal: AbortSignal): Promise<LockedOutcome> {
  const { plan, options, report, leftBehind, record } = task;
  // Another run may have finished since this VM was inspected. Files that a killed run did not rename may be renamed only under the lock.
  const { complete, changed } = await findExisting(record, task);
  if (complete) {
    await record?.complete(options.mode);
    await undoEarlierRun(task, plan.output, { keepFiles: false });
    return await useKept(task, { complete, record }, signal);
  }
  requireGood(plan);
  reportChange(task, changed);
  const settle = await watchForChange({ ...task, vm: task.plan.vm }, signal);
  const result = await exportVm({ ...task, folder: plan.output }, signal);
  result.warnings.push(...leftBehind);
  const exported = await postExport(withLasting(result, task), options, { signal, report });
  await record?.markUsed(doneSteps(exported), await sourceOf(exported, settle));
  return { exported: withChange(exported, changed) };
}

/** Undoes what a killed run left on the server, when its export is kept. */
async function undoEarlierRun(task: Task, folder: string, end: { keepFiles: boolean }): Promise<void> {
  const { client, plan, facts, job, options, baseName, report, leave, left } = task;
  const resume = await ResumeRecord.load(folder, baseName);
  await using ending = new AsyncDisposableStack();
  ending.defer(() => resume.close(end));
  if (!resume.hasDuties) return;
  await using cleanUp = new CleanUp(leave);
  const step = (name: ExportStep, detail: string) => report({ type: 'step', vm: plan.vm, step: name, detail });
  const power: PowerChoice = options.power.kind === 'snapshot' ? { kind: 'as-is' } : options.power;
  await settleEarlierRun(power, { client, vm: plan.vm, facts, job, cleanUp, left, duties: resume, step });
}

/** Runs the requested steps on the files of an existing export, except those already done. */
async function useKept(
  task: Task,
  { complete, record }: { complete: CompleteExport; record: CompletionRecord | undefined },
  signal: AbortSignal,
): Promise<LockedOutcome> {
  const { plan, options, report, leftBehind } = task;
  if (pendingSteps(complete, options).length === 0) {
    if (!complete.isUsed) await record?.markUsed(complete.done ?? NOTHING_DONE);
    return { complete };
  }
  const result = keptResult(plan.vm, complete);
  result.warnings.push(...leftBehind);
  const pending = { ...onlyPending(complete, options), isKept: true };
  const exported = await postExport(withLasting(result, task), pending, { signal, report });
  await record?.markUsed(doneSteps(exported, complete.done));
  return { exported };
}

/** A VM whose export failed its boot test is exported again, whether it changed or not. */
async function sourceOf(
  { bootTest }: VmExportResult,
  settle: () => Promise<SourceState | undefined>,
): Promise<SourceState | undefined> {
  return bootTest?.problem === undefined ? await settle() : undefined;
}

function reportChange({ plan, report }: Task, changed: string | undefined): void {
  if (changed === undefined) return;
  report({ type: 'step', vm: plan.vm, step: 'preflight', detail: `To be exported: ${changed}` });
}

function withLasting(result: VmExportResult, { lasting }: Task): VmExportResult {
  return lasting.length === 0 ? result : { ...result, leftBehind: [...lasting] };
}

function withChange(result: VmExportResult, changed: string | undefined): VmExportResult {
  return changed === undefined ? result : { ...result, changed };
}

/** Removes old generations only when the new one is complete, has its name, and has passed its boot test, if requested. */
async function exportGeneration(
  task: Task,
  vmFolder: string,
  keep: number,
  signal: AbortSignal,
): Promise<LockedOutcome> {
  const { plan, facts, options, job, report, leftBehind } = task;
  const name = basename(plan.output);
  const generations = await Generations.open(vmFolder, facts.instanceUuid || plan.moRef);
  const newest = generations.newest;
  const last = newest === undefined ? undefined : recordIn(newest, task);
  const { complete, changed } = await findExisting(last, task);
  if (complete) {
    await undoEarlierRun(task, generations.unfinished, { keepFiles: true });
    return await useKept(task, { complete, record: last }, signal);
  }
  reportChange(task, changed);
  const settle = await watchForChange({ ...task, vm: task.plan.vm }, signal);
  const made = await makeGeneration(task, generations, name, signal);
  const files = made.files.map((file) => ({ ...file, path: join(plan.output, basename(file.path)) }));
  const guestNet = movedTo(plan.output, made.guestNet);
  const names = [...files.map(({ path }) => path), ...(guestNet?.file ? [guestNet.file] : [])].map((path) =>
    basename(path),
  );
  const carried = resumeRecordName(task.baseName);
  await generations.add(name, {
    job,
    carried,
    files: options.ifChanged ? [...names, completionRecordName(task.baseName)] : names,
  });
  const moved = { ...made, ...(guestNet && { guestNet }), output: plan.output, files };
  const result = { ...moved, warnings: [...made.warnings, ...leftBehind] };
  const used = await postExport(withLasting(result, task), options, { signal, report });
  if (options.ifChanged) {
    const record = recordIn(plan.output, task);
    if (await record.find()) await record.markUsed(doneSteps(used), await sourceOf(used, settle));
  }
  const warn = (message: string): void => {
    used.warnings.push(message);
    report({ type: 'warning', vm: plan.vm, message });
  };
  const removed = used.bootTest?.problem === undefined ? await generations.prune(keep, warn) : [];
  return { exported: withChange({ ...used, generations: { kept: generations.names, removed } }, changed) };
}

function movedTo(folder: string, guestNet: VmExportResult['guestNet']): VmExportResult['guestNet'] {
  return guestNet?.file ? { ...guestNet, file: join(folder, basename(guestNet.file)) } : guestNet;
}

async function makeGeneration(
  task: Task,
  generations: Generations,
  name: string,
  signal: AbortSignal,
): Promise<VmExportResult> {
  const folder = await generations.begin(name);
  try {
    const record = task.options.ifChanged ? recordIn(folder, task) : undefined;
    return await exportVm({ ...task, folder, record }, signal);
  } catch (error) {
    await generations.abandon();
    throw error;
  }
}

function recordIn(folder: string, { baseName, facts, plan }: Task): CompletionRecord {
  return new CompletionRecord(folder, baseName, facts.instanceUuid || plan.moRef);
}
