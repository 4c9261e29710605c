import { formatBytes, formatDuration } from '../../base/text/amounts.ts';
import type { SyncDocument } from '../../operations/documents/schemas.ts';
import { addBootTest, addGuest } from './guest-rows.ts';
import { factsOf, itemOf, notesOf, type ReportItem, type ReportLevel } from './report-rows.ts';

type SyncedVm = SyncDocument['synced'][number];

const READINGS: Readonly<Record<SyncedVm['disks'][number]['reading'], string>> = {
  new: 'copied completely',
  changed: 'only changed areas were read',
  compared: 'read completely, and compared with the replica',
};

/** A VM whose replica was brought to a new state. */
export function syncedItem(vm: SyncedVm): ReportItem {
  const notes = [...new Set([...(vm.leftBehind ?? []), ...vm.warnings])];
  const { rehearsal, downtime } = vm;
  const isBad = (vm.repairedBytes ?? 0) > 0 || rehearsal?.error !== undefined;
  const item = itemOf(vm.vm, 'replicated', isBad ? 'error' : notes.length > 0 ? 'warning' : 'ok');
  item.seconds = vm.seconds;
  item.facts = factsOf({
    'Inventory path': vm.inventoryPath,
    MoRef: vm.moRef,
    Format: vm.format,
    Folder: vm.output,
    Round: String(vm.round),
    'State of': vm.takenAt,
    Received: formatBytes(vm.transferredBytes),
    Changed: formatBytes(vm.changedBytes),
    'Repaired by the audit': vm.repairedBytes === undefined ? undefined : formatBytes(vm.repairedBytes),
    Time: formatDuration(vm.seconds),
    'Next round takes about': vm.nextRoundSeconds === undefined ? undefined : formatDuration(vm.nextRoundSeconds),
    'Downtime of a cutover': downtime.seconds === null ? undefined : `about ${formatDuration(downtime.seconds)}`,
    Rehearsal: rehearsal && (rehearsal.error === undefined ? 'the guest came up' : 'failed'),
    Quiesced: vm.quiesced === undefined ? undefined : vm.quiesced ? 'yes' : 'no',
  });
  item.disks = vm.disks.map(({ label, file, capacityBytes }) => ({
    label,
    source: '',
    file,
    capacityBytes,
    sizeBytes: undefined,
  }));
  item.checks = vm.disks.map(({ label, reading, reason, changedBytes, repairedBytes }) => ({
    level: levelOf(repairedBytes),
    what: label,
    detail: [
      reason === null ? READINGS[reading] : `${READINGS[reading]}: ${reason}`,
      `${formatBytes(changedBytes)} changed`,
      ...(repairedBytes ? [`${formatBytes(repairedBytes)} differed without being reported, and were repaired`] : []),
    ].join('; '),
  }));
  addGuest(item, rehearsal?.guest);
  addBootTest(item, rehearsal?.bootTest);
  item.notes.push(
    ...notesOf('error', rehearsal?.error === undefined ? [] : [wordsOf(rehearsal.error)]),
    ...notesOf('warning', notes),
  );
  return item;
}

function wordsOf({ message, hint }: { message: string; hint?: string }): string {
  return hint === undefined ? message : `${message} ${hint}`;
}

function levelOf(repairedBytes: number | null | undefined): ReportLevel {
  return repairedBytes ? 'error' : 'ok';
}
