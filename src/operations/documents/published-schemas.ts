import { union, type GenericSchema } from 'valibot';
import { GuestNetRecordSchema } from '../../base/guest-net.ts';
import { KvmRecordSchema } from '../../guest/boot/qemu/kvm-record.ts';
import { JobRecordSchema } from '../../jobs/job-record-schema.ts';
import { LockSchema } from '../../jobs/output-lock.ts';
import { ConvertedRecordSchema } from '../convert/converted-record.ts';
import { GenerationRecordSchema } from '../export/history/generation-record.ts';
import { ResumeRecordSchema } from '../export/history/resume-record.ts';
import { CompletionRecordSchema } from '../export/history/completion-record.ts';
import { LeftSnapshotsSchema } from '../export/source/left-snapshots.ts';
import { CutoverRecordSchema } from '../sync/replica/cutover-record.ts';
import { ReplicaStateSchema } from '../sync/replica/replica-state.ts';
import { ProgressLineSchema } from './progress-line.ts';
import {
  BootTestDocument,
  CancelDocument,
  CheckDocument,
  CompletionDocument,
  ConvertDocument,
  ConvertPlanDocument,
  CutoverDocument,
  DetachedDocument,
  documentSchema,
  DryRunDocument,
  ExportDocument,
  InfoDocument,
  JobDocument,
  JobsDocument,
  ListDocument,
  StatusDocument,
  SyncDocument,
  VerifyDocument,
} from './schemas.ts';

/** All schemas published in docs/schemas, by file name: a title and the schema. */
export const PUBLISHED_SCHEMAS: Readonly<Record<string, { title: string; schema: GenericSchema }>> = {
  export: {
    title: 'hyper2kvm export --json; with --dry-run its plans, with --detach the job',
    schema: documentSchema(union([ExportDocument, DryRunDocument, DetachedDocument])),
  },
  convert: {
    title: 'hyper2kvm convert --json; with --dry-run its plan',
    schema: documentSchema(union([ConvertDocument, ConvertPlanDocument])),
  },
  info: { title: 'hyper2kvm info --json', schema: documentSchema(InfoDocument) },
  list: { title: 'hyper2kvm list --json', schema: documentSchema(ListDocument) },
  status: {
    title: 'hyper2kvm status --json; with --job the record of the job',
    schema: documentSchema(union([StatusDocument, JobDocument])),
  },
  check: { title: 'hyper2kvm check --json', schema: documentSchema(CheckDocument) },
  jobs: {
    title: 'hyper2kvm jobs --json; with show or --follow the record of one job',
    schema: documentSchema(union([JobsDocument, JobDocument])),
  },
  'boot-test': { title: 'hyper2kvm boot-test --json', schema: documentSchema(BootTestDocument) },
  verify: { title: 'hyper2kvm verify --json', schema: documentSchema(VerifyDocument) },
  cancel: { title: 'hyper2kvm cancel --json', schema: documentSchema(CancelDocument) },
  completion: { title: 'hyper2kvm completion --json', schema: documentSchema(CompletionDocument) },
  sync: { title: 'hyper2kvm sync --json', schema: documentSchema(SyncDocument) },
  cutover: { title: 'hyper2kvm cutover --json', schema: documentSchema(CutoverDocument) },
  progress: { title: 'One line of --progress=json', schema: ProgressLineSchema },
  'job-record': { title: 'The record of a job, in the state folder', schema: JobRecordSchema },
  'resume-record': { title: '.NAME.hyper2kvm-resume, next to an unfinished export', schema: ResumeRecordSchema },
  'completion-record': { title: '.NAME.hyper2kvm-whole, next to a complete export', schema: CompletionRecordSchema },
  'generation-record': { title: '.hyper2kvm-generation, in a generation of --keep', schema: GenerationRecordSchema },
  'snapshots-record': {
    title: '.NAME.hyper2kvm-snapshots, next to an export whose snapshot is still on the server',
    schema: LeftSnapshotsSchema,
  },
  'converted-record': {
    title: '.NAME.hyper2kvm-converted, next to images whose guest could not be prepared',
    schema: ConvertedRecordSchema,
  },
  'replica-record': { title: '.NAME.hyper2kvm-replica, next to a replica of sync', schema: ReplicaStateSchema },
  'guest-net': {
    title: 'NAME.guest-net.json, the addresses of a guest on VMware, next to an export or written by hand',
    schema: GuestNetRecordSchema,
  },
  'cutover-record': {
    title: '.NAME.hyper2kvm-cutover, next to a replica that is cut over',
    schema: CutoverRecordSchema,
  },
  lock: { title: 'The lock of an output', schema: LockSchema },
  'kvm-record': { title: 'kvm.json, in the state folder', schema: KvmRecordSchema },
};
