import type { VmExportResult } from '../../../operations/export/types.ts';
import { formatCount } from '../../../base/text/amounts.ts';
import type { Look } from '../../text/look.ts';
import { safeText } from '../../text/safe-text.ts';
import { bootTestReport } from '../boot-test-report.ts';
import { addressLines } from '../address-lines.ts';
import { fixReport } from '../fix-report.ts';
import { leftOutLines } from './left-out-lines.ts';
import { hardwareLines } from '../hardware-lines.ts';

/** What there is to say about the export of a VM besides its files: kept disks, warnings, the guest, the boot test. */
export function vmNotes(result: VmExportResult, look: Look): string[] {
  return [...shortNotes(result), ...longNotes(result, look)];
}

/** One line each. */
function shortNotes(result: VmExportResult): string[] {
  const { leftOut, keptDisks, quiesced, audit, warnings, changed, generations, guestNet } = result;
  return [
    ...leftOutLines(leftOut),
    ...(keptDisks.length > 0
      ? [`${formatCount(keptDisks.length, 'disk')} kept from an earlier run: ${safeText(keptDisks.join(', '))}`]
      : []),
    ...(quiesced === undefined ? [] : [`Guest quiesced for the snapshot: ${quiesced ? 'yes' : 'no'}`]),
    ...(audit === undefined
      ? []
      : [`Audit: ${formatCount(audit.disks.length, 'disk')} compared with the export lease, no difference`]),
    ...warnings.map((warning) => `Warning: ${safeText(warning)}`),
    ...(guestNet === undefined || guestNet.reason === null ? [] : addressLines(guestNet, undefined)),
    ...(changed === undefined ? [] : [`Why exported: ${changed}`]),
    ...generationLines(generations),
  ];
}

function longNotes({ hardware, guest, guestNet, bootTest }: VmExportResult, { width }: Look): string[] {
  return [
    ...(guestNet === undefined || guestNet.reason !== null ? [] : addressLines(guestNet, width)),
    ...hardwareLines(hardware).map((line) => line.trimStart()),
    ...(guest === undefined ? [] : fixReport(guest, width)),
    ...(bootTest === undefined ? [] : bootTestReport(bootTest, width)),
  ];
}

/** Above this number of VMs, the reports about guests and boot tests are in the JSON document only. */
const MOST_IN_DETAIL = 5;

/** The notes of several VMs: each once, after the names of the VMs that it is about. */
export function sharedNotes(exported: readonly VmExportResult[], look: Look): string[] {
  const ofNote = new Map<string, string[]>();
  const add = (note: string, vm: string): void => void ofNote.set(note, [...(ofNote.get(note) ?? []), vm]);
  for (const result of exported) {
    for (const note of shortNotes(result)) add(note, result.vm);
    const long = exported.length > MOST_IN_DETAIL ? [] : longNotes(result, look);
    if (long.length > 0) add(long.join('\n'), result.vm);
  }
  return [...ofNote].flatMap(([note, vms]) => noteLines(note, namesOf(vms, exported.length)));
}

/** `web-01, db-01: Warning: …`; a report of several lines is below the names. */
function noteLines(note: string, names: string): string[] {
  if (!note.includes('\n')) return [names === '' ? note : `${names}: ${note}`];
  return [`${names === '' ? 'All VMs' : names}:`, ...note.split('\n').map((line) => `  ${line}`)];
}

/** More names than this are counted. */
const MOST_NAMES = 3;

/** Empty when the note is about all VMs. */
function namesOf(vms: readonly string[], count: number): string {
  if (vms.length === count && count > 1) return '';
  const rest = vms.length - MOST_NAMES;
  const shown = rest > 1 ? [...vms.slice(0, MOST_NAMES), `${rest} more VMs`] : vms;
  return safeText(shown.join(', '));
}

function generationLines(generations: VmExportResult['generations']): string[] {
  if (generations === undefined) return [];
  const { kept, removed } = generations;
  const older = kept.length > 1 ? `, with ${kept.slice(1).join(', ')} before it` : '';
  const gone = removed.length > 0 ? `; removed ${removed.join(', ')}` : '';
  return [`Generation ${kept[0]}${older}${gone}`];
}
