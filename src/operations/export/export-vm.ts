import { join } from 'node:path';
import { Hyper2kvmError } from '../../base/errors.ts';
import type { RateLimiter } from '../../base/rate-limiter.ts';
import { domainXml } from '../../domain/domain-xml.ts';
import { createFolderPackage } from '../../ovf/folder-package.ts';
import { createOvaPackage } from '../../ovf/ova-package.ts';
import type { PackageFile, PackageWriter } from '../../ovf/package-writer.ts';
import { readVmFacts } from '../../vsphere/vm-facts.ts';
import { readVmHardware } from '../../vsphere/vm-hardware.ts';
import type { VsphereClient } from '../../vsphere/vsphere-client.ts';
import { CleanUp } from '../clean-up.ts';
import { makeDomain, type HardwareReport } from '../domain/make-domain.ts';
import { refusalOf, type PlannedVm } from './export-plan.ts';
import { prepareSource, sourceOfVm, type ExportSource } from './export-source.ts';
import { FORMATS } from './formats.ts';
import { createImagePackage } from './image-package.ts';
import { machineOfVm } from './machine-of-vm.ts';
import { LeaseScope, type OpenLease } from './lease-scope.ts';
import { writeDescriptor, type DescribedFile } from './ovf-text.ts';
import { ResumeRecord, type WholeFile } from './resume-record.ts';
import { Transfer } from './transfer.ts';
import type { ExportEvent, ExportOptions, ExportStep, VmExportResult } from './types.ts';
import type { ServerHashes } from './unproved-files.ts';
import { wantedFiles } from './wanted-files.ts';

export interface VmExport extends PlannedVm {
  client: VsphereClient;
  baseName: string;
  options: ExportOptions;
  job: string;
  limiter: RateLimiter | undefined;
  hashes: ServerHashes;
  report: (event: ExportEvent) => void;
  /** Takes a sentence about each thing that could not be undone on the server. */
  leave: (sentence: string) => void;
  /** Told which whole files stay, as `.partial`, for the same command to go on from. */
  keepForNextRun: (names: string[]) => void;
}

/** Room for the descriptor at the front of an OVA. One of a real VM has 10 to 60 KiB; a longer one still works, by a copy. */
const RESERVED_DESCRIPTOR_BYTES = 128 * 1024;

/**
 * Exports one VM as planned. When this settles, on whatever way, no lease and no own snapshot is left on the server that could be
 * removed, and no file under a final name that is not whole.
 */
export async function exportVm(task: VmExport, signal: AbortSignal): Promise<VmExportResult> {
  const { plan, facts, options, client, job, leave, keepForNextRun, report, baseName } = task;
  const startedAt = Date.now();
  const warnings: string[] = [];
  const step = (name: ExportStep, detail: string) => report({ type: 'step', vm: plan.vm, step: name, detail });
  const warn = (message: string) => {
    warnings.push(message);
    report({ type: 'warning', vm: plan.vm, message });
  };
  const refusal = refusalOf(plan);
  if (refusal) throw refusal;
  plan.findings.filter(({ level }) => level === 'warning').forEach(({ detail }) => warn(detail));

  const resume = await ResumeRecord.load(plan.output, baseName);
  await using cleanUp = new CleanUp(leave);
  const scope = { client, vm: plan.vm, facts, job, cleanUp, leftover: resume.ownSnapshot, step };
  const source = await prepareSource(options.power, scope, signal);
  if (source.quiesced === false) warn('The snapshot was not quiesced: the disks are as after a power cut.');

  const writer = await openPackage(task);
  try {
    const transfer = new Transfer({ ...task, ...options, vm: plan.vm, writer, resume });
    await adoptWholeFiles(task, source, { resume, writer, transfer }, signal);
    const kept = transfer.whole.map(({ member }) => member.name);
    await transferAll(task, source, { transfer, step, hasEarlierRun: resume.hasEarlierRun }, signal);
    const { files, hardware } = await finish(task, source, { writer, transfer, warn, step }, signal);
    await resume.remove();
    return {
      vm: plan.vm,
      moRef: plan.moRef,
      inventoryPath: plan.inventoryPath,
      format: options.format,
      output: plan.output,
      files,
      transferredBytes: transfer.transferredBytes,
      capacityBytes: plan.disks.reduce((sum, disk) => sum + disk.capacityBytes, 0),
      keptDisks: kept,
      ...(source.quiesced === undefined ? {} : { quiesced: source.quiesced }),
      ...(hardware === undefined ? {} : { hardware }),
      warnings,
      seconds: (Date.now() - startedAt) / 1000,
    };
  } catch (error) {
    const whole = isWorthKeeping(error, source)
      ? resume.filesOf(contentIdentity(source, options)).map(({ member }) => member.name)
      : [];
    const keepWhole = whole.length > 0;
    if (!keepWhole) await resume.remove();
    await writer.discard({ keepWhole });
    if (keepWhole) keepForNextRun(whole);
    throw error;
  }
}

/** What must be equal for the files of an earlier run to be those of this one: the disks' content, and how it is stored. */
function contentIdentity(source: ExportSource, { compression }: ExportOptions): string {
  return compression ? `${source.identity} ${compression}` : source.identity;
}

/**
 * Whole disks stay after a failure that another run can get past. Not after a signal: whoever ends the program wants its files gone; not when an image was wrong; and not those
 * of an own snapshot, which is removed, and with it the state that they belong to.
 */
function isWorthKeeping(error: unknown, source: ExportSource): boolean {
  return error instanceof Hyper2kvmError && error.kind !== 'image' && source.ownSnapshot === undefined;
}

function openPackage({ plan, baseName, options }: VmExport): Promise<PackageWriter> {
  const { format, force, compression } = options;
  const place = { folder: plan.output, baseName, force };
  const { image } = FORMATS[format];
  if (image) return createImagePackage({ ...place, format: image, compression });
  if (format === 'ova') return createOvaPackage({ ...place, reservedDescriptorBytes: RESERVED_DESCRIPTOR_BYTES });
  return createFolderPackage(place);
}

/** Takes over what an earlier run fetched whole, when the VM is still in the same state; else begins anew. */
async function adoptWholeFiles(
  { plan, report, options }: VmExport,
  source: ExportSource,
  { resume, writer, transfer }: { resume: ResumeRecord; writer: PackageWriter; transfer: Transfer },
  signal: AbortSignal,
): Promise<void> {
  const identity = contentIdentity(source, options);
  for (const file of resume.filesOf(identity)) {
    if (!(await writer.adoptMember(file.member, signal))) continue;
    transfer.keep(file);
    const { name: disk, sizeBytes, sha256 } = file.member;
    report({ type: 'disk-kept', vm: plan.vm, disk, sizeBytes, sha256 });
  }
  const { ownSnapshot } = source;
  await resume.begin({ identity, format: plan.format, ownSnapshot, files: [...transfer.whole] });
}

async function transferAll(
  task: VmExport,
  source: ExportSource,
  {
    transfer,
    step,
    hasEarlierRun,
  }: { transfer: Transfer; step: (step: ExportStep, detail: string) => void; hasEarlierRun: boolean },
  signal: AbortSignal,
): Promise<void> {
  const { client, plan, facts, leave, baseName } = task;
  const filesOf = (lease: OpenLease) => wantedFiles(lease.devices, source.disks, { baseName, format: plan.format });
  const verify = async (lease: OpenLease, leaseSignal: AbortSignal) => {
    if (!source.snapshot) await checkUnchanged(task, source, leaseSignal);
    // A server that cannot write the descriptor says so now, and not after hours of download.
    if (FORMATS[plan.format].description === 'ovf') {
      const rehearsed = filesOf(lease).map((file) => ({
        ...file,
        sizeBytes: file.capacityBytes,
        populatedBytes: undefined,
      }));
      await writeDescriptor(
        { client, vm: facts.ref, name: plan.vm, snapshot: source.snapshot },
        rehearsed,
        leaseSignal,
      );
    }
    step('download', 'Downloading');
  };
  step('lease', 'Opening the export lease');
  using leases = new LeaseScope({ client, vm: plan.vm, source: source.ref, leave, verify, hasEarlierRun, step });
  await transfer.run(leases, filesOf, signal);
}

/** Between planning and the lease, and between two leases, nothing keeps a VM from being powered on or changed. */
async function checkUnchanged(
  { client, facts, plan }: VmExport,
  source: ExportSource,
  signal: AbortSignal,
): Promise<void> {
  const now = sourceOfVm(await readVmFacts(client, facts.ref, signal));
  if (now.identity === source.identity) return;
  throw new Hyper2kvmError('transfer', `${plan.vm} was changed on the server while it was being exported.`, {
    hint: 'Run the export again when nobody works on the VM.',
  });
}

async function finish(
  { client, plan, facts, options }: VmExport,
  source: ExportSource,
  {
    writer,
    transfer,
    warn,
    step,
  }: {
    writer: PackageWriter;
    transfer: Transfer;
    warn: (message: string) => void;
    step: (step: ExportStep, detail: string) => void;
  },
  signal: AbortSignal,
): Promise<{ files: PackageFile[]; hardware: HardwareReport | undefined }> {
  const described = { client, vm: facts.ref, name: plan.vm, snapshot: source.snapshot };
  const files = inOrder(transfer.whole, plan.format);
  const { description, image } = FORMATS[plan.format];
  let descriptor: string | undefined;
  let hardware: HardwareReport | undefined;
  if (description === 'ovf') {
    step('descriptor', 'Writing the OVF descriptor');
    const { text, warnings } = await writeDescriptor(described, files, signal);
    warnings.forEach(warn);
    descriptor = text;
  } else if (image) {
    step('descriptor', 'Writing the libvirt domain');
    const disks = files.filter(({ isDisk }) => isDisk).map(({ name }) => name);
    const machine = machineOfVm(plan.vm, await readVmHardware(client, facts.ref, signal), source.disks);
    const images = disks.map((name) => ({ path: join(plan.output, name), format: image }));
    const made = await makeDomain({ machine, images, wanted: options.hardware, fitness: 'unknown' }, signal);
    descriptor = domainXml(made.facts);
    hardware = made.hardware;
  }
  signal.throwIfAborted();
  step('finish', 'Giving the files their names');
  return { files: await writer.finish({ descriptor }, signal), hardware };
}

/** DSP0243 section 5.3: in an OVA the files stand in the order of the descriptor's references; a folder has the order of the hardware. */
function inOrder(whole: readonly WholeFile[], format: string): DescribedFile[] {
  const files = whole.map(({ member, ...file }) => ({ ...file, name: member.name, sizeBytes: member.sizeBytes }));
  if (format === 'ova') return files;
  return files.toSorted(
    (a, b) => Number(b.isDisk) - Number(a.isDisk) || a.name.localeCompare(b.name, 'en', { numeric: true }),
  );
}
