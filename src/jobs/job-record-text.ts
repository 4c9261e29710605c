import { randomBytes } from 'node:crypto';
import { compactTime } from '../base/text/compact-time.ts';
import { Hyper2kvmError, InterruptedError } from '../base/errors.ts';
import { readRecord, recordText } from '../base/records/read-record.ts';
import { JobRecordSchema } from './job-record-schema.ts';
import type { JobBytes, JobTotals, JobError, JobRecord } from './job-record.ts';

/**
 * `20261122T140102Z-export-1a2b3c4d`: IDs sort by time. Cron can start many jobs within one second, so the random part
 * keeps IDs unique.
 */
export function newJobId(kind: JobRecord['kind'], startedAt: Date): string {
  return `${compactTime(startedAt)}-${kind}-${randomBytes(4).toString('hex')}`;
}

/** The time at the start of an ID; undefined for an ID without one. */
export function timeOfId(id: string): Date | undefined {
  const iso = id.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z.*$/, '$1-$2-$3T$4:$5:$6Z');
  const time = new Date(iso);
  return Number.isNaN(time.valueOf()) ? undefined : time;
}

/** Converts any thrown value into the form stored in a record. */
export function jobErrorOf(error: unknown): JobError {
  if (error instanceof InterruptedError) return { kind: 'interrupted', message: error.message };
  if (!(error instanceof Hyper2kvmError)) {
    return { kind: 'internal', message: error instanceof Error ? error.message : String(error) };
  }
  return { kind: error.kind, message: error.message, ...(error.hint === undefined ? {} : { hint: error.hint }) };
}

/**
 * The text of a record. Contains only the declared fields, whatever else the objects contain at run time, so that an
 * object passed with extra fields cannot leak a password.
 */
export function jobRecordText(record: JobRecord): string {
  const { id, kind, state, request, startedAt, endedAt, process, transferredBytes, files, vms, error } = record;
  const { exitCode, log, percent, totals } = record;
  const clean: JobRecord = {
    id,
    kind,
    state,
    request: cleanRequest(request),
    startedAt,
    ...(endedAt === undefined ? {} : { endedAt }),
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(log === undefined ? {} : { log }),
    process: cleanProcess(process),
    transferredBytes,
    ...(percent === undefined ? {} : { percent }),
    ...(totals === undefined ? {} : { totals: cleanTotals(totals) }),
    files: files.map(({ path, sizeBytes, sha256 }) => ({
      path,
      sizeBytes,
      ...(sha256 === undefined ? {} : { sha256 }),
    })),
    vms: vms.map((vm) => ({
      vm: vm.vm,
      state: vm.state,
      ...(vm.step === undefined ? {} : { step: vm.step }),
      ...(vm.progress === undefined ? {} : { progress: cleanBytes(vm.progress) }),
      ...(vm.error === undefined ? {} : { error: cleanError(vm.error) }),
      ...(vm.leftOut === undefined ? {} : { leftOut: vm.leftOut }),
      ...(vm.leftBehind === undefined ? {} : { leftBehind: vm.leftBehind }),
    })),
    ...(error === undefined ? {} : { error: cleanError(error) }),
  };
  return recordText(clean, 2);
}

function cleanBytes({ capacityBytes, coveredBytes, receivedBytes }: JobBytes): JobBytes {
  return { capacityBytes, coveredBytes, receivedBytes };
}

function cleanTotals({ vms, exported, skipped, failed, ...bytes }: JobTotals): JobTotals {
  return { vms, exported, skipped, failed, ...cleanBytes(bytes) };
}

function cleanRequest({ server, vms, format, output }: JobRecord['request']): JobRecord['request'] {
  // The field is `host:port`; if `user:password@host` gets in, keep only the host.
  return { server: server.slice(server.lastIndexOf('@') + 1), vms, format, output };
}

function cleanProcess({ pid, hostname, startTicks, bootId, pidNamespace }: JobRecord['process']): JobRecord['process'] {
  return { pid, hostname, startTicks, bootId, ...(pidNamespace === undefined ? {} : { pidNamespace }) };
}

function cleanError({ kind, message, hint }: JobError): JobError {
  return { kind, message, ...(hint === undefined ? {} : { hint }) };
}

/** Parses a record; undefined when the text is not a complete record. */
export function parseRecord(text: string): JobRecord | undefined {
  const record = readRecord(text, JobRecordSchema);
  if (record === undefined) return undefined;
  const { schemaVersion: _, ...rest } = record;
  return rest;
}
