import { lstat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { readOwnFile } from '../../base/files/own-file.ts';
import { readRecord } from '../../base/records/read-record.ts';
import { formatCount } from '../../base/text/amounts.ts';
import { CompletionRecordSchema } from '../export/history/completion-record.ts';
import { GenerationRecordSchema, GENERATION_RECORD } from '../export/history/generation-record.ts';
import { FORMATS } from '../export/target/formats.ts';
import type { ItemFindings, VerifyRun } from './verify-run.ts';

const COMPLETION_RECORD = /^\..+\.hyper2kvm-whole$/;

/** Whether a file is the record of a complete export, by its name. */
export function isExportRecord(name: string): boolean {
  return name === GENERATION_RECORD || COMPLETION_RECORD.test(name);
}

/** Checks that the files that an export recorded at its end are all there, with the sizes that do not change in use. */
export async function verifyRecord(path: string, findings: ItemFindings, run: VerifyRun): Promise<void> {
  await findings.check(
    path,
    async () => {
      const files = filesOf(await readOwnFile(path));
      if (files === undefined) {
        findings.warning(path, 'the record of the export cannot be read', 'The files are checked without it.');
        return;
      }
      const present = await Promise.all(files.map((file) => checkFile(dirname(path), file, findings)));
      if (present.every(Boolean)) findings.ok(path, `${formatCount(files.length, 'file')} of the export present`);
    },
    run.signal,
  );
}

interface RecordedFile {
  name: string;
  /** Undefined if the size is not recorded, or changes when the VM runs. */
  sizeBytes: number | undefined;
}

function filesOf(text: string): RecordedFile[] | undefined {
  const generation = readRecord(text, GenerationRecordSchema);
  if (generation !== undefined) return generation.files.map((name) => ({ name, sizeBytes: undefined }));
  const result = readRecord(text, CompletionRecordSchema)?.result;
  return result?.files.map(({ path, sizeBytes }) => ({
    name: basename(path),
    sizeBytes: FORMATS[result.format].image === undefined ? sizeBytes : undefined,
  }));
}

async function checkFile(folder: string, { name, sizeBytes }: RecordedFile, findings: ItemFindings): Promise<boolean> {
  const hint = 'Restore it from another copy, or export the VM again.';
  const path = join(folder, name);
  const stats = await lstat(path).catch(() => undefined);
  if (stats === undefined) findings.error(path, 'the file of the export is missing', hint);
  else if (sizeBytes !== undefined && stats.size !== sizeBytes) {
    findings.error(path, `the file has ${stats.size} bytes, and had ${sizeBytes} at the end of the export`, hint);
  } else return true;
  return false;
}
