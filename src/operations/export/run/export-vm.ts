import { join } from 'node:path';
import { Hyper2kvmError, InterruptedError } from '../../../base/errors.ts';
import type { RateLimiter } from '../../../base/rate-limiter.ts';
import type { SharedWorkers } from '../../../image/copy/shared-workers.ts';
import { createFolderPackage } from '../../../ovf/write/folder-package.ts';
import { createOvaPackage } from '../../../ovf/write/ova-package.ts';
import { partialPath } from '../../../base/output/partial-name.ts';
import { numbersOf } from '../../../vsphere/vm/select-disks.ts';
import { readVmHardware, type VmHardware } from '../../../vsphere/vm/vm-hardware.ts';
import type { VsphereClient } from '../../../vsphere/session/vsphere-client.ts';
import { CleanUp } from '../../clean-up.ts';
import { descriptionName } from '../../domain/make-domain.ts';
import type { GuestNetReport } from '../../guest-net/types.ts';
import { writeGuestNet } from '../../guest-net/write-guest-net.ts';
import { manifestName } from '../../image-manifest.ts';
import type { ExportRecipe } from '../target/export-recipe.ts';
import type { PlannedVm } from '../plan/plan-vm.ts';
import type { DiskSourceFactory } from '../source/disk-source.ts';
import { prepareSource, type ExportSource } from '../source/export-source.ts';
import { fetchedSnapshot } from '../source/fetched-snapshot.ts';
import { auditByLease } from './audit-export.ts';
import { adoptCompleteFiles, contentIdentity, requestOf, transferAll } from '../transfer/fetch-disks.ts';
import { earlierState, fetchedEarlier, reusesFetched } from './fetched-earlier.ts';
import { guestAddresses } from './guest-addresses.ts';
import { diskFileName, FORMATS } from '../target/formats.ts';
import type { ExportWriter } from '../target/export-writer.ts';
import { createImagePackage } from '../target/image-package.ts';
import type { NfcRun } from '../source/nfc-run.ts';
import type { LeftSnapshots } from '../source/left-snapshots.ts';
import { makeMachine } from '../target/make-machine.ts';
import { writeDescriptor, type DescribedFile } from '../target/ovf-text.ts';
import { ResumeRecord, type CompleteFile } from '../history/resume-record.ts';
import { Transfer } from '../transfer/transfer.ts';
import type { ExportAudit, ExportedDisk, ExportedFile, ExportEvent, ExportOptions, VmExportResult } from '../types.ts';
import type { ServerHashes } from '../transfer/unproved-files.ts';
import type { CompletionRecord } from '../history/completion-record.ts';
import type { ExportStep } from '../../events.ts';

export interface VmExport extends PlannedVm {
  client: VsphereClient;
  baseName: string;
  /** The folder in which the files are created: the plan's output, or the temporary folder before they are moved there. */
  folder: string;
  options: ExportOptions;
  recipe: ExportRecipe;
  job: string;
  limiter: RateLimiter | undefined;
  hashes: ServerHashes;
  diskSource: DiskSourceFactory;
  nfc: NfcRun;
  workers: SharedWorkers;
  /** The completion record; undefined for none. */
  record: CompletionRecord | undefined;
  report: (event: ExportEvent) => void;
  /** Receives a sentence about each thing that could not be undone on the server, and whether it stays until somebody removes it. */
  leave: (sentence: string, isLasting?: boolean) => void;
  left: LeftSnapshots;
  /** Receives the names of files that stay as `.partial`, so that the same command can resume. */
  keepForNextRun: (names: string[]) => void;
}

/**
 * Space for the descriptor at the front of an OVA. The descriptor of a real VM has 10 to 60 KiB; a longer one also
 * works, but the file is copied.
 */
const RESERVED_DESCRIPTOR_BYTES = 128 * 1024;

const NO_NVRAM_OVER_NFC =
  'NVRAM is not read over NFC, so the UEFI boot entries of this VM are not included. --transport lease includes them.';
const NO_NVRAM =
  'The server does not offer the NVRAM of this UEFI VM, so its UEFI boot entries are not included. ESXi 6.7 and later offer it.';

/**
 * Exports one VM as planned, into a locked folder. When the promise settles, no lease and no own snapshot is left on
 * the server, unless it could not be removed. Every file with a final name is complete.
 */
export async function exportVm(task: VmExport, signal: AbortSignal): Promise<VmExportResult> {
  const { plan, facts, options, recipe, client, job, leave, left, keepForNextRun, report, baseName, record, folder } =
    task;
  const startedAt = Date.now();
  const isImage = FORMATS[plan.format].image !== undefined;
  const warnings: string[] = [];
  const step = (name: ExportStep, detail: string) => report({ type: 'step', vm: plan.vm, step: name, detail });
  const warn = (message: string) => {
    warnings.push(message);
    report({ type: 'warning', vm: plan.vm, message });
  };
  plan.findings.filter(({ level }) => level === 'warning').forEach(({ detail }) => warn(detail));

  const resume = await ResumeRecord.load(folder, baseName);
  let keepFiles = resume.hasEarlierRun;
  let hasFailed = true;
  // Runs after the clean-up: what clean-up could not undo stays in the record.
  await using ending = new AsyncDisposableStack();
  ending.defer(() => resume.close({ keepFiles, hasFailed }));
  const addresses = await guestAddresses(task, resume, signal);
  await using cleanUp = new CleanUp(leave);
  const scope = { client, vm: plan.vm, facts, job, cleanUp, left, duties: resume, step };
  const source =
    (await fetchedEarlier({ options, recipe, resume }, scope)) ?? (await prepareSource(options.power, scope, signal));
  if (source.quiesced === false) warn('The snapshot was not quiesced: the disks are as after a power failure.');

  const writer = await openPackage(task, contentIdentity(source, recipe));
  let isFetched = false;
  try {
    const transfer = new Transfer({ ...task, ...options, vm: plan.vm, writer, resume, warn });
    await adoptCompleteFiles(task, source, { resume, writer, transfer }, signal);
    const kept = transfer.complete.map(({ member }) => member.name);
    if (source.fetched) warn(earlierState(source, plan.vm, kept));
    else await transferAll(task, source, { transfer, step, warn, hasEarlierRun: resume.hasEarlierRun }, signal);
    const audit = options.audit && (await auditVm(task, source, transfer.complete, { step, warn }, signal));
    if (facts.firmware === 'uefi' && transfer.complete.every(({ isDisk }) => isDisk)) {
      warn(options.transport === 'lease' ? NO_NVRAM : NO_NVRAM_OVER_NFC);
    }
    const described = await describe(task, source, transfer.complete, { warn, step }, signal);
    const isReusable = described.vmHardware !== undefined && reusesFetched(options);
    const fetched = isReusable ? fetchedSnapshot(facts, source) : undefined;
    if (fetched) await resume.markFetched(fetched);
    isFetched = true;
    const fetchSeconds = (Date.now() - startedAt) / 1000;
    // A fix takes minutes. Clean up first, so that no snapshot grows on the server and no VM stays off in the meantime.
    await cleanUp.run();
    const { descriptor, ...made } = await finishDescriptor(
      task,
      described,
      { source, transfer, resume, addresses, step },
      signal,
    );
    signal.throwIfAborted();
    step('finish', isImage && options.manifest === true ? 'Computing the manifest' : 'Finalizing files');
    const withFiles = (files: readonly ExportedFile[]): VmExportResult => ({
      vm: plan.vm,
      moRef: plan.moRef,
      inventoryPath: plan.inventoryPath,
      format: options.encode.format,
      output: folder,
      files: [...files],
      disks: exportedDisks(task, source),
      ...(plan.leftOut && { leftOut: plan.leftOut }),
      transferredBytes: transfer.transferredBytes,
      capacityBytes: plan.disks.reduce((sum, disk) => sum + disk.capacityBytes, 0),
      keptDisks: kept,
      ...(source.quiesced === undefined ? {} : { quiesced: source.quiesced }),
      ...(audit && { audit }),
      ...made,
      guestNet: addresses,
      warnings,
      fetchSeconds,
      seconds: (Date.now() - startedAt) / 1000,
    });
    const beforeNames = async (files: readonly ExportedFile[]) => record?.write(withFiles(files), recipe);
    const files = await writer.finish({ descriptor, beforeNames }, signal);
    keepFiles = false;
    hasFailed = false;
    const { force, mode } = options;
    const { instanceUuid } = facts;
    const recorded = { folder, baseName, vm: plan.vm, instanceUuid, report: addresses, force, mode, warn };
    return { ...withFiles(files), guestNet: await writeGuestNet(recorded) };
  } catch (error) {
    await record?.takeBack();
    const begun = await resume.begun();
    const kept = isWorthKeeping(error, { source, resume, isFetched, begun })
      ? [...resume.filesOf(contentIdentity(source, recipe)).map(({ member }) => member.name), ...begun]
      : [];
    keepFiles = kept.length > 0;
    await writer.discard({ keepComplete: keepFiles });
    if (keepFiles) keepForNextRun(kept);
    else await resume.removeBegun();
    throw error;
  }
}

/** Compares the disks with the export lease, before the guest in them is changed. */
async function auditVm(
  task: VmExport,
  source: ExportSource,
  complete: readonly CompleteFile[],
  tell: { step: (step: ExportStep, detail: string) => void; warn: (message: string) => void },
  signal: AbortSignal,
): Promise<ExportAudit> {
  const { options, plan } = task;
  const request = requestOf(task, source, tell);
  const disks = exportedDisks(task, source);
  return await auditByLease({ ...task, ...options, request, disks, complete, format: plan.format }, signal);
}

function exportedDisks({ baseName, plan, facts }: VmExport, { disks }: ExportSource): ExportedDisk[] {
  const numbers = numbersOf(disks, facts);
  return disks.map(({ label, fileName: datastoreFile, capacityBytes }, index) => {
    const file = diskFileName(baseName, numbers[index] ?? index + 1, plan.format);
    return { label, datastoreFile, file, capacityBytes };
  });
}

/**
 * True when complete disks, and those that can be continued, should be kept after a failure, because a later run can
 * succeed. After a signal only when a disk can be continued: otherwise, a user who stops the program wants its files
 * removed. Not when a downloaded image was invalid. Not when disks of an own snapshot are missing: it is removed, and the
 * disks belong to its state.
 */
function isWorthKeeping(
  error: unknown,
  {
    source,
    resume,
    isFetched,
    begun,
  }: { source: ExportSource; resume: ResumeRecord; isFetched: boolean; begun: readonly string[] },
): boolean {
  const isStopped = error instanceof InterruptedError && begun.length > 0;
  if (!(error instanceof Hyper2kvmError) && !isStopped) return false;
  if (source.ownSnapshot !== undefined) return isFetched && resume.fetched !== undefined;
  return isFetched || isStopped || !(error instanceof Hyper2kvmError && error.kind === 'image');
}

function openPackage({ folder, baseName, options, workers }: VmExport, identity: string): Promise<ExportWriter> {
  const { encode, force, mode } = options;
  const place = { folder, baseName, force, mode };
  const { image } = FORMATS[encode.format];
  if (image) {
    const descriptorName = descriptionName(baseName, options.kubevirt);
    const manifest = options.manifest === true ? manifestName(baseName) : undefined;
    const names = { descriptorName, manifestName: manifest };
    return createImagePackage({ folder, force, mode, ...names, encoding: encode.image(image), identity, workers });
  }
  if (encode.format === 'ova')
    return createOvaPackage({ ...place, reservedDescriptorBytes: RESERVED_DESCRIPTOR_BYTES });
  return createFolderPackage(place);
}

/** The description of the VM besides its disks: the server's descriptor or the input for a domain; nothing for standalone disks. */
interface Described {
  ovf?: string;
  vmHardware?: VmHardware;
}

/** The last request to the server. */
async function describe(
  { client, plan, facts, named }: VmExport,
  source: ExportSource,
  complete: readonly CompleteFile[],
  { warn, step }: { warn: (message: string) => void; step: (step: ExportStep, detail: string) => void },
  signal: AbortSignal,
): Promise<Described> {
  const { description } = FORMATS[plan.format];
  if (description === 'domain') return { vmHardware: await readVmHardware(client, facts.ref, signal) };
  if (description === undefined) return {};
  step('descriptor', 'Writing the OVF descriptor');
  const isPartial = facts.leftOut.length > 0;
  const described = { client, vm: facts.ref, name: named.name, snapshot: source.snapshot, isPartial };
  const { text, warnings } = await writeDescriptor(described, inOrder(complete, plan.format), signal);
  warnings.forEach(warn);
  return { ovf: text };
}

/** For image formats, the domain is created here, after the guest has been fixed. */
async function finishDescriptor(
  { plan, facts, named, options, folder }: VmExport,
  { ovf, vmHardware }: Described,
  {
    source,
    transfer,
    resume: changes,
    addresses,
    step,
  }: {
    source: ExportSource;
    transfer: Transfer;
    resume: ResumeRecord;
    addresses: GuestNetReport;
    step: (step: ExportStep, detail: string) => void;
  },
  signal: AbortSignal,
): Promise<{ descriptor: string | undefined } & Pick<VmExportResult, 'hardware' | 'guest'>> {
  const { image: format } = FORMATS[plan.format];
  if (format === undefined || vmHardware === undefined) return { descriptor: ovf };
  const images = inOrder(transfer.complete, plan.format).filter(({ isDisk }) => isDisk);
  const paths = images.map(({ name }) => join(plan.output, name));
  const partialPaths = images.map(({ name }) => partialPath(join(folder, name)));
  const { disks } = source;
  const { leftOut } = facts;
  const guestNet = addresses.readAt === null ? undefined : addresses;
  const fetched = { vm: named, vmHardware, disks, leftOut, paths, partialPaths, format, changes, guestNet, step };
  const { domain, ...made } = await makeMachine(fetched, options, signal);
  return { descriptor: domain, ...made };
}

/** DSP0243 section 5.3: in an OVA the files are in the order of the descriptor's references. In a folder they are in hardware order. */
function inOrder(complete: readonly CompleteFile[], format: string): DescribedFile[] {
  const files = complete.map(({ member, ...file }) => ({ ...file, name: member.name, sizeBytes: member.sizeBytes }));
  if (format === 'ova') return files;
  return files.toSorted(
    (a, b) => Number(b.isDisk) - Number(a.isDisk) || a.name.localeCompare(b.name, 'en', { numeric: true }),
  );
}
