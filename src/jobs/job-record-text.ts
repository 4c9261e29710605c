import { randomBytes } from 'node:crypto';
import { compactTime } from '../base/text/compact-time.ts';
import { Hyper2kvmError, InterruptedError } from '../base/errors.ts';
import { readJson } from '../base/text/read-json.ts';
import type { JobError, JobRecord, JobState } from './job-record.ts';

/** What an id may hold; nothing else is ever made part of a path. */
export const JOB_ID = /^[0-9A-Za-z][0-9A-Za-z-]{0,63}$/;

/** `20261122T140102Z-export-1a2b3c4d`: ids sort by time. Cron starts many jobs within one second, and none may take another's id. */
export function newJobId(kind: JobRecord['kind'], startedAt: Date): string {
  return `${compactTime(startedAt)}-${kind}-${randomBytes(4).toString('hex')}`;
}

/** The time that an id begins with; undefined for one without. */
export function timeOfId(id: string): Date | undefined {
  const iso = id.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z.*$/, '$1-$2-$3T$4:$5:$6Z');
  const time = new Date(iso);
  return Number.isNaN(time.valueOf()) ? undefined : time;
}

/** Any thrown thing as a record keeps it. */
export function jobErrorOf(error: unknown): JobError {
  if (error instanceof InterruptedError) return { kind: 'interrupted', message: error.message };
  if (!(error instanceof Hyper2kvmError)) {
    return { kind: 'internal', message: error instanceof Error ? error.message : String(error) };
  }
  return { kind: error.kind, message: error.message, ...(error.hint === undefined ? {} : { hint: error.hint }) };
}

/**
 * The text of a record: the declared fields and no others, whatever the objects at run time hold, so that no password can slip in
 * with an object that was passed whole.
 */
export function recordText(record: JobRecord): string {
  const { id, kind, state, request, startedAt, endedAt, process, transferredBytes, files, vms, error } = record;
  const { exitCode, log, percent } = record;
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
    files: files.map(({ path, sizeBytes, sha256 }) => ({
      path,
      sizeBytes,
      ...(sha256 === undefined ? {} : { sha256 }),
    })),
    vms: vms.map((vm) => ({
      vm: vm.vm,
      state: vm.state,
      ...(vm.error === undefined ? {} : { error: cleanError(vm.error) }),
      ...(vm.leftBehind === undefined ? {} : { leftBehind: vm.leftBehind }),
    })),
    ...(error === undefined ? {} : { error: cleanError(error) }),
  };
  return `${JSON.stringify(clean, undefined, 2)}\n`;
}

function cleanRequest({ server, vms, format, output }: JobRecord['request']): JobRecord['request'] {
  // `user:password@host` is not what the field is for; should it come, only the host stays.
  return { server: server.slice(server.lastIndexOf('@') + 1), vms, format, output };
}

function cleanProcess({ pid, hostname, startTicks, bootId, pidNamespace }: JobRecord['process']): JobRecord['process'] {
  return { pid, hostname, startTicks, bootId, ...(pidNamespace === undefined ? {} : { pidNamespace }) };
}

function cleanError({ kind, message, hint }: JobError): JobError {
  return { kind, message, ...(hint === undefined ? {} : { hint }) };
}

const KINDS: readonly JobRecord['kind'][] = ['export', 'boot-test'];
const VM_STATES: readonly JobRecord['vms'][number]['state'][] = ['running', 'done', 'skipped', 'failed', 'interrupted'];
const STATES: readonly JobState[] = ['running', 'done', 'partial', 'failed', 'interrupted'];

/** Reads a record's text; undefined when it is not a whole record. */
export function parseRecord(text: string): JobRecord | undefined {
  return readJson(text, isRecord);
}

function isRecord(value: unknown): value is JobRecord {
  return (
    hasTypes(value, { id: 'string', kind: 'string', startedAt: 'string', transferredBytes: 'number' }) &&
    JOB_ID.test(textOf(value, 'id')) &&
    KINDS.some((kind) => kind === textOf(value, 'kind')) &&
    !Number.isNaN(Date.parse(textOf(value, 'startedAt'))) &&
    mayHaveTypes(value, { endedAt: 'string', exitCode: 'number', log: 'string', percent: 'number' }) &&
    STATES.some((state) => 'state' in value && value.state === state) &&
    'process' in value &&
    isProcess(value.process) &&
    'request' in value &&
    hasTypes(value.request, { server: 'string', format: 'string', output: 'string' }) &&
    listOf(value.request, 'vms').every((vm) => typeof vm === 'string') &&
    listOf(value, 'files').every(
      (file) => hasTypes(file, { path: 'string', sizeBytes: 'number' }) && mayHaveTypes(file, { sha256: 'string' }),
    ) &&
    listOf(value, 'vms').every(isVm) &&
    (!('error' in value) || isError(value.error))
  );
}

function isProcess(value: unknown): boolean {
  if (!hasTypes(value, { pid: 'number', hostname: 'string' })) return false;
  const fields = new Map<string, unknown>(Object.entries(value));
  if (!Number.isSafeInteger(fields.get('pid')) || Number(fields.get('pid')) < 0) return false;
  const [startTicks, bootId, pidNamespace = null] = ['startTicks', 'bootId', 'pidNamespace'].map((name) =>
    fields.get(name),
  );
  return [startTicks, bootId, pidNamespace].every((each) => each === null || typeof each === 'string');
}

function isVm(value: unknown): boolean {
  if (!hasTypes(value, { vm: 'string' }) || !VM_STATES.some((state) => state === textOf(value, 'state'))) return false;
  const left = 'leftBehind' in value ? listOf(value, 'leftBehind') : [];
  return left.every((each) => typeof each === 'string') && (!('error' in value) || isError(value.error));
}

function isError(value: unknown): boolean {
  return hasTypes(value, { kind: 'string', message: 'string' }) && mayHaveTypes(value, { hint: 'string' });
}

function hasTypes(value: unknown, types: Record<string, 'string' | 'number'>): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const fields = new Map<string, unknown>(Object.entries(value));
  return Object.entries(types).every(([name, type]) => typeof fields.get(name) === type);
}

function mayHaveTypes(value: object, types: Record<string, 'string' | 'number'>): boolean {
  const given = Object.entries(types).filter(([name]) => name in value);
  return hasTypes(value, Object.fromEntries(given));
}

/** '' for what is not a text. */
function textOf(value: object, name: string): string {
  const found: unknown = Object.entries(value).find(([key]) => key === name)?.[1];
  return typeof found === 'string' ? found : '';
}

/** The list at `name`; one unknown thing in a list when there is none, which fails every test of its elements. */
function listOf(value: object, name: string): unknown[] {
  const list: unknown = Object.entries(value).find(([key]) => key === name)?.[1];
  return Array.isArray(list) ? list : [undefined];
}
