import { lstat, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Hyper2kvmError, sentenceOf } from '../../base/errors.ts';
import { writeFileAtomically } from '../../base/files/atomic-file.ts';
import { GuestNetRecordSchema } from '../../base/guest-net.ts';
import { readRecord, recordText } from '../../base/records/read-record.ts';
import type { GuestNetReport } from './types.ts';

/** The name of the file with the addresses of a VM. */
export function guestNetName(baseName: string): string {
  return `${baseName}.guest-net.json`;
}

export interface GuestNetFile {
  folder: string;
  baseName: string;
  vm: string;
  instanceUuid: string;
  report: GuestNetReport;
  force: boolean;
  mode: number | undefined;
  warn: (message: string) => void;
}

/**
 * Writes the addresses of a VM next to its export, and returns the report with the path. Writes nothing if they are not
 * known. A file that somebody wrote by hand, or that belongs to another VM, is kept without `force`. The export is
 * complete without this file, so a failure is a warning.
 */
export async function writeGuestNet(file: GuestNetFile): Promise<GuestNetReport> {
  const { folder, baseName, vm, instanceUuid, report, force, mode, warn } = file;
  const { readAt, nics } = report;
  if (readAt === null) return report;
  const path = join(folder, guestNetName(baseName));
  try {
    if (!force && !(await isReplaceable(path, instanceUuid))) {
      warn(`${path} was not written by an earlier export of this VM and is kept. Use --force to replace it.`);
      return report;
    }
    const text = recordText({ vm, instanceUuid, readAt, nics }, 2);
    await writeFileAtomically(path, text, mode === undefined ? {} : { mode });
    return { ...report, file: path };
  } catch (error) {
    if (!(error instanceof Hyper2kvmError)) throw error;
    warn(`The addresses of the guest are not recorded: ${sentenceOf(error)}`);
    return report;
  }
}

/** Nothing is there, or the record of an earlier export of the same VM. */
async function isReplaceable(path: string, instanceUuid: string): Promise<boolean> {
  const stats = await lstat(path).catch(() => undefined);
  if (stats === undefined) return true;
  if (!stats.isFile()) return false;
  const record = readRecord(await readFile(path, 'utf8').catch(() => ''), GuestNetRecordSchema);
  return record?.readAt !== undefined && record.instanceUuid === instanceUuid;
}
