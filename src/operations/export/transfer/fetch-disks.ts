import { Hyper2kvmError } from '../../../base/errors.ts';
import type { NamedVm } from '../../../domain/vm-name.ts';
import type { VsphereClient } from '../../../vsphere/session/vsphere-client.ts';
import { numbersOf, readSelectedFacts, type SelectedFacts } from '../../../vsphere/vm/select-disks.ts';
import type { ExportRecipe } from '../target/export-recipe.ts';
import { sourceOfVm, type ExportSource } from '../source/export-source.ts';
import { FORMATS } from '../target/formats.ts';
import type { DiskSourceFactory, RandomAccessRequest, SourceFiles } from '../source/disk-source.ts';
import type { NfcRun } from '../source/nfc-run.ts';
import type { ExportWriter } from '../target/export-writer.ts';
import { writeDescriptor } from '../target/ovf-text.ts';
import type { ResumeRecord } from '../history/resume-record.ts';
import type { Transfer } from './transfer.ts';
import type { ExportEvent, ExportPlan } from '../types.ts';
import { wantedFiles } from './wanted-files.ts';
import type { ExportStep } from '../../events.ts';

/** The VM whose files are downloaded. */
export interface FetchedVm {
  client: VsphereClient;
  plan: ExportPlan;
  facts: SelectedFacts;
  named: NamedVm;
  baseName: string;
  recipe: ExportRecipe;
  /** Creates the source of the disks. */
  diskSource: DiskSourceFactory;
  nfc: NfcRun;
  /** Receives a sentence about each thing that could not be undone on the server. */
  leave: (sentence: string) => void;
  report: (event: ExportEvent) => void;
}

/** Must match for this run to reuse an earlier run's files: the content of the disks and how it is stored. */
export function contentIdentity(source: ExportSource, recipe: ExportRecipe): string {
  return `${source.identity} ${recipe.downloadFingerprint()}`;
}

/** Reuses the complete files of an earlier run if the VM is still in the same state; otherwise starts over. */
export async function adoptCompleteFiles(
  { plan, report, recipe }: Pick<FetchedVm, 'plan' | 'report' | 'recipe'>,
  source: ExportSource,
  { resume, writer, transfer }: { resume: ResumeRecord; writer: ExportWriter; transfer: Transfer },
  signal: AbortSignal,
): Promise<void> {
  const identity = contentIdentity(source, recipe);
  for (const file of resume.filesOf(identity)) {
    if (!(await writer.adoptMember(file.member, signal))) continue;
    transfer.keep(file);
    const { name: disk, sizeBytes, sha256 } = file.member;
    report({ type: 'disk-kept', vm: plan.vm, disk, sizeBytes, sha256 });
  }
  const { ownSnapshot, fetched } = source;
  const begun = { identity, format: plan.format, ownSnapshot, files: [...transfer.complete] };
  await resume.begin(fetched === undefined ? begun : { ...begun, fetched });
}

/** Downloads the files that are not complete yet, then releases the source. */
export async function transferAll(
  task: FetchedVm,
  source: ExportSource,
  {
    transfer,
    step,
    warn,
    hasEarlierRun,
  }: {
    transfer: Transfer;
    step: (step: ExportStep, detail: string) => void;
    warn: (message: string) => void;
    hasEarlierRun: boolean;
  },
  signal: AbortSignal,
): Promise<void> {
  const { client, plan, facts, named, baseName } = task;
  const numbers = numbersOf(source.disks, facts);
  const wantedOf = ({ files }: SourceFiles) => wantedFiles(files, { baseName, format: plan.format, numbers });
  const verify = async (files: SourceFiles, openSignal: AbortSignal) => {
    if (!source.snapshot) await checkUnchanged(task, source, openSignal);
    // A server that cannot write the descriptor reports it now, not after hours of download.
    if (FORMATS[plan.format].description === 'ovf') {
      const rehearsed = wantedOf(files).map((file) => ({
        ...file,
        sizeBytes: file.capacityBytes,
        populatedBytes: undefined,
      }));
      await writeDescriptor(
        { client, vm: facts.ref, name: named.name, snapshot: source.snapshot, isPartial: facts.leftOut.length > 0 },
        rehearsed,
        openSignal,
      );
    }
    step('download', 'Downloading');
  };
  using opened = task.diskSource({ ...requestOf(task, source, { step, warn }), verify, hasEarlierRun });
  await transfer.run(opened, wantedOf, signal);
}

/** The request for the disks of a VM. Only the VM itself is checked, before they are read. */
export function requestOf(
  task: FetchedVm,
  source: ExportSource,
  tell: Pick<RandomAccessRequest, 'step' | 'warn'>,
): RandomAccessRequest {
  const { client, plan, facts, leave, nfc } = task;
  const { ref, disks, snapshot } = source;
  const { leftOut, ref: vmRef } = facts;
  const verify = async (_files: SourceFiles, signal: AbortSignal): Promise<void> => {
    if (!snapshot) await checkUnchanged(task, source, signal);
  };
  return { client, vm: plan.vm, ref, vmRef, disks, leftOut, leave, verify, hasEarlierRun: false, ...tell, nfc };
}

/** Before the first lease, and between two leases, nothing prevents the VM from being powered on or changed. */
async function checkUnchanged(
  { client, facts, plan }: FetchedVm,
  source: ExportSource,
  signal: AbortSignal,
): Promise<void> {
  const now = sourceOfVm(await readSelectedFacts(client, facts, signal));
  if (now.identity === source.identity) return;
  throw new Hyper2kvmError('transfer', `${plan.vm} was changed on the server while it was being exported.`, {
    hint: 'Run the export again when the VM is not being changed.',
  });
}
