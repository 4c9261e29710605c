import type { BootTestDocument } from '../../operations/documents/schemas.ts';
import type { FixReportDocument } from '../../operations/fix-guest/report-schema.ts';
import type { GuestNetReport } from '../../operations/guest-net/types.ts';
import { addressWords } from '../report/address-lines.ts';
import { bootTestWords } from '../report/boot-test-report.ts';
import { notesOf, type ReportItem, type ReportLevel } from './report-rows.ts';

const LEVELS: Readonly<Record<string, ReportLevel>> = { ready: 'ok', 'not-ready': 'error', unknown: 'warning' };

/** Adds the addresses on VMware, or why they are not known. */
export function addAddresses(item: ReportItem, guestNet: GuestNetReport | undefined): void {
  if (guestNet === undefined) return;
  const { reason, nics, readAt } = guestNet;
  const words = reason !== null ? `not known. ${reason}` : readAt === null ? 'written by hand' : `read at ${readAt}`;
  item.facts.push(['Addresses of the guest', words]);
  item.nics = nics.map((nic) => ({ mac: nic.mac, network: nic.network ?? '', onVmware: addressWords(nic) }));
}

/** Adds what was changed and checked in a guest. */
export function addGuest(item: ReportItem, guest: FixReportDocument | undefined): void {
  if (guest === undefined) return;
  if (guest.outcome === 'not-fixed') {
    const hint = guest.hint === undefined ? '' : ` ${guest.hint}`;
    item.notes.push({ level: 'warning', text: `The guest was not fixed: ${guest.reason}${hint}` });
    return;
  }
  item.facts.push(['Guest', `${guest.system} on ${guest.root}, changes: ${guest.changes.length}`]);
  for (const { verdict, isAdvisory, area, file, line, reason } of guest.boot.checks) {
    const place = line === undefined ? file : `${file}:${line}`;
    const level = isAdvisory === true && verdict === 'not-ready' ? 'warning' : (LEVELS[verdict] ?? 'neutral');
    item.checks.push({ level, what: `Guest: ${area}`, detail: `${place}: ${reason}` });
  }
  item.notes.push(...notesOf('warning', guest.warnings));
}

/** Adds a boot test with its screenshot. */
export function addBootTest(item: ReportItem, test: BootTestDocument | undefined): void {
  if (test === undefined) return;
  const how = test.accelerator === 'kvm' ? 'with KVM' : 'in emulation';
  item.checks.push({
    level: test.problem === undefined ? 'ok' : 'error',
    what: 'Boot test',
    detail: `${bootTestWords(test)}, ${how}, ${test.firmware}`,
  });
  for (const { mac, address } of test.nics) {
    if (address.verdict === 'not-compared') continue;
    const detail = `${mac}: ${address.words}`;
    item.checks.push({ level: address.isDifferent ? 'warning' : 'ok', what: 'Address in the boot test', detail });
  }
  for (const unit of test.failedUnits) item.checks.push({ level: 'warning', what: 'Failed unit', detail: unit });
  if (test.problem !== undefined) {
    item.notes.push({ level: 'error', text: `${test.problem.message} ${test.problem.hint}` });
  }
  item.notes.push(...notesOf('warning', test.warnings));
  item.facts.push(['Serial console log', test.serialLog]);
  item.console = test.lastLines;
  if (test.picture !== null) item.picture = { path: test.picture };
}
