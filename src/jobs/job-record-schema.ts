import {
  array,
  check,
  exactOptional,
  minValue,
  nullable,
  number,
  object,
  picklist,
  pipe,
  regex,
  safeInteger,
  string,
} from 'valibot';
import { recordSchema } from '../base/records/read-record.ts';
import { ERROR_KINDS } from '../base/errors.ts';

/** The characters of a job ID; no other text is ever made part of a path. */
export const JOB_ID = /^[0-9A-Za-z][0-9A-Za-z-]{0,63}$/;

export const JobProcessSchema = object({
  pid: pipe(number(), safeInteger(), minValue(0)),
  hostname: string(),
  startTicks: nullable(string()),
  bootId: nullable(string()),
  pidNamespace: exactOptional(nullable(string())),
});

export const JobErrorSchema = object({
  kind: picklist([...ERROR_KINDS, 'interrupted']),
  message: string(),
  hint: exactOptional(string()),
});

const bytes = { capacityBytes: number(), coveredBytes: number(), receivedBytes: number() };

/** The record of a job, as stored in its file. `JobRecord` documents the fields. */
export const JobRecordSchema = recordSchema({
  id: pipe(string(), regex(JOB_ID)),
  kind: picklist(['export', 'boot-test', 'sync', 'cutover']),
  state: picklist(['running', 'done', 'partial', 'failed', 'interrupted']),
  request: object({ server: string(), vms: array(string()), format: string(), output: string() }),
  startedAt: pipe(
    string(),
    check((text) => !Number.isNaN(Date.parse(text)), 'a date in ISO 8601'),
  ),
  endedAt: exactOptional(string()),
  exitCode: exactOptional(number()),
  log: exactOptional(string()),
  process: JobProcessSchema,
  transferredBytes: number(),
  percent: exactOptional(number()),
  totals: exactOptional(object({ vms: number(), exported: number(), skipped: number(), failed: number(), ...bytes })),
  files: array(object({ path: string(), sizeBytes: number(), sha256: exactOptional(string()) })),
  vms: array(
    object({
      vm: string(),
      state: picklist(['running', 'done', 'skipped', 'failed', 'interrupted']),
      step: exactOptional(string()),
      progress: exactOptional(object(bytes)),
      error: exactOptional(JobErrorSchema),
      leftOut: exactOptional(array(string())),
      leftBehind: exactOptional(array(string())),
    }),
  ),
  error: exactOptional(JobErrorSchema),
});
