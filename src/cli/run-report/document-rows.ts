import { basename } from 'node:path';
import { formatBytes, formatDuration, formatRate } from '../../base/text/amounts.ts';
import type {
  BootTestDocument,
  ConvertDocument,
  ExportDocument,
  SyncDocument,
} from '../../operations/documents/schemas.ts';
import { leftOutWords } from '../report/export/left-out-lines.ts';
import { addAddresses, addBootTest, addGuest } from './guest-rows.ts';
import { factsOf, itemOf, notesOf, type ReportItem } from './report-rows.ts';
import { syncedItem } from './sync-rows.ts';

/** The results of commands with `--report`, as `--json` prints them. */
export type ReportedDocument = ExportDocument | ConvertDocument | BootTestDocument | SyncDocument;

/** A row for each VM of a result: the exported ones, those that were skipped, and those that failed. */
export function itemsOf(document: ReportedDocument): ReportItem[] {
  if ('exported' in document) {
    return [
      ...document.failed.map(failedItem),
      ...document.exported.map(exportedItem),
      ...document.skipped.map(skippedItem),
    ];
  }
  if ('synced' in document) {
    return [
      ...document.failed.map((vm) => failedItem({ ...vm, keptForNextRun: [] })),
      ...document.synced.map(syncedItem),
    ];
  }
  if ('verdict' in document) return [bootTestItem(document)];
  return [convertedItem(document)];
}

/** The facts of the run itself. */
export function runFacts(document: ReportedDocument): ReportItem['facts'] {
  if ('synced' in document) return syncFacts(document);
  if (!('exported' in document)) return [];
  const { job, exported, skipped, failed, share } = document;
  const received = exported.reduce((sum, vm) => sum + vm.transferredBytes, 0);
  return factsOf({
    Job: job,
    'VMs exported': String(exported.length),
    'VMs skipped': count(skipped),
    'VMs failed': count(failed.filter(({ error }) => error.kind !== 'interrupted')),
    'VMs interrupted': count(failed.filter(({ error }) => error.kind === 'interrupted')),
    Received: formatBytes(received),
    Shard: share && `${share.index}/${share.count}: ${share.vms} of ${share.ofVms} VMs`,
  });
}

function syncFacts({ job, synced, skipped, failed }: SyncDocument): ReportItem['facts'] {
  return factsOf({
    Job: job,
    'VMs replicated': String(synced.length),
    'VMs skipped': count(skipped),
    'VMs failed': count(failed),
    Received: formatBytes(synced.reduce((sum, vm) => sum + vm.transferredBytes, 0)),
    Changed: formatBytes(synced.reduce((sum, vm) => sum + vm.changedBytes, 0)),
  });
}

/** Undefined for none. */
function count(vms: readonly object[]): string | undefined {
  return vms.length === 0 ? undefined : String(vms.length);
}

/** The state of a VM whose files are complete. */
const UNBOOTED = 'boot test failed';

type ExportedVm = ExportDocument['exported'][number];

function exportedItem(vm: ExportedVm): ReportItem {
  const isLeft = (vm.leftBehind ?? []).length > 0;
  const isBad = vm.bootTest?.problem !== undefined;
  const item = itemOf(
    vm.vm,
    isBad ? UNBOOTED : 'exported',
    isBad ? 'error' : isLeft || vm.warnings.length > 0 ? 'warning' : 'ok',
  );
  item.seconds = vm.seconds;
  item.facts = factsOf({
    ...placeFacts(vm),
    'Disk capacity': formatBytes(vm.capacityBytes),
    Received: receivedWords(vm),
    Time: formatDuration(vm.seconds),
    Quiesced: vm.quiesced === undefined ? undefined : vm.quiesced ? 'yes' : 'no',
    'Kept from an earlier run': vm.keptDisks.join(', '),
    'Exported because': vm.changed,
    'Generations kept': vm.generations?.kept.join(', '),
    'Generations removed': vm.generations?.removed.join(', '),
    'Virtual hardware': hardwareWords(vm.hardware),
    'Defined in': vm.defined,
    'Not selected': (vm.leftOut ?? []).map((disk) => `disk ${leftOutWords(disk)}`).join('; '),
  });
  item.disks = (vm.disks ?? []).map(({ label, datastoreFile, file, capacityBytes }) => ({
    label,
    source: datastoreFile,
    file,
    capacityBytes,
    sizeBytes: vm.files.find(({ path }) => basename(path) === file)?.sizeBytes,
  }));
  item.files = vm.files.map(fileRow);
  addAddresses(item, vm.guestNet);
  addGuest(item, vm.guest);
  addBootTest(item, vm.bootTest);
  // A warning of a boot test or of a fix can also be one of the VM.
  const known = new Set(item.notes.map(({ text }) => text));
  item.notes.push(
    ...notesOf('warning', [...new Set([...(vm.leftBehind ?? []), ...vm.warnings])]).filter(
      ({ text }) => !known.has(text),
    ),
  );
  return item;
}

function skippedItem(vm: ExportDocument['skipped'][number]): ReportItem {
  const item = itemOf(vm.vm, 'skipped', (vm.leftBehind ?? []).length > 0 ? 'warning' : 'neutral');
  const reason = vm.reason === 'unchanged' ? 'unchanged since the last export' : 'already complete';
  item.facts = factsOf({ Reason: reason, 'Exported at': vm.exportedAt, ...placeFacts(vm) });
  item.files = vm.files.map(fileRow);
  item.notes = notesOf('warning', vm.leftBehind);
  return item;
}

function failedItem({ vm, error, leftBehind, keptForNextRun }: ExportDocument['failed'][number]): ReportItem {
  const isInterrupted = error.kind === 'interrupted';
  const level = isInterrupted ? 'warning' : 'error';
  const item = itemOf(vm, isInterrupted ? 'interrupted' : 'failed', level);
  item.facts = factsOf({ 'Kept for the next run': keptForNextRun.join(', ') });
  item.notes = [
    ...notesOf(level, [error.hint === undefined ? error.message : `${error.message} ${error.hint}`]),
    ...notesOf('warning', leftBehind),
  ];
  return item;
}

const VERIFIED: Readonly<Record<ConvertDocument['disks'][number]['verified'], string>> = {
  'read-back': 'read back and compared with the source',
  checksums: 'checksums in the source',
  manifest: 'hashes in the manifest',
  none: 'not verified',
};

function convertedItem(result: ConvertDocument): ReportItem {
  const isBad = result.bootTest?.problem !== undefined;
  const item = itemOf(
    basename(result.source),
    isBad ? UNBOOTED : 'converted',
    isBad ? 'error' : result.warnings.length > 0 ? 'warning' : 'ok',
  );
  item.seconds = result.seconds;
  item.facts = factsOf({
    Source: result.source,
    Time: formatDuration(result.seconds),
    'libvirt domain': result.domain,
    'Defined in': result.defined,
    'Virtual hardware': hardwareWords(result.hardware),
    'Not selected': (result.leftOut ?? []).map(({ label, file }) => label ?? file ?? '').join(', '),
  });
  item.disks = result.disks.map((disk) => ({
    label: disk.source.label ?? '',
    source: [disk.source.file ?? 'empty', disk.sourceFormat, disk.sourceVariant].filter(Boolean).join(', '),
    file: basename(disk.path),
    capacityBytes: disk.virtualSizeBytes,
    sizeBytes: disk.sizeBytes,
  }));
  item.files = result.disks.map(({ path, sizeBytes }) => ({ path, sizeBytes, sha256: undefined }));
  item.checks = result.disks.map(({ path, verified }) => ({
    level: verified === 'none' ? ('neutral' as const) : ('ok' as const),
    what: basename(path),
    detail: VERIFIED[verified],
  }));
  addAddresses(item, result.guestNet);
  addGuest(item, result.guest);
  addBootTest(item, result.bootTest);
  const known = new Set(item.notes.map(({ text }) => text));
  item.notes.push(...notesOf('warning', result.warnings).filter(({ text }) => !known.has(text)));
  return item;
}

function bootTestItem(test: BootTestDocument): ReportItem {
  const item = itemOf(
    test.name,
    test.problem === undefined ? 'booted' : 'failed',
    test.problem === undefined ? 'ok' : 'error',
  );
  item.seconds = test.seconds;
  item.facts = factsOf({ Target: test.target, Job: test.job, Time: formatDuration(test.seconds) });
  addBootTest(item, test);
  return item;
}

function placeFacts(vm: Pick<ExportedVm, 'inventoryPath' | 'moRef' | 'format' | 'output'>): Record<string, string> {
  return { 'Inventory path': vm.inventoryPath, MoRef: vm.moRef, Format: vm.format, Folder: vm.output };
}

function receivedWords({ transferredBytes, fetchSeconds }: ExportedVm): string {
  const rate = fetchSeconds !== undefined && fetchSeconds > 0 ? `, ${formatRate(transferredBytes / fetchSeconds)}` : '';
  return `${formatBytes(transferredBytes)}${rate}`;
}

function hardwareWords(hardware: ExportedVm['hardware']): string | undefined {
  return hardware && [`${hardware.kind}: ${hardware.reason}`, ...hardware.notes].join(' ');
}

function fileRow({ path, sizeBytes, sha256 }: ExportedVm['files'][number]): ReportItem['files'][number] {
  return { path, sizeBytes, sha256 };
}
