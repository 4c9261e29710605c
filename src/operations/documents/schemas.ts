import {
  array,
  boolean,
  literal,
  looseObject,
  nullable,
  number,
  object,
  optional,
  picklist,
  string,
  union,
  variant,
  type GenericSchema,
  type InferOutput,
} from 'valibot';
import { ERROR_KINDS } from '../../base/errors.ts';
import { SCHEMA_VERSION } from '../../base/records/schema-version.ts';
import { SINK_FORMATS } from '../../image/model/encoding.ts';
import { IMAGE_FORMATS } from '../../image/model/image.ts';
import { JobErrorSchema, JobRecordSchema } from '../../jobs/job-record-schema.ts';
import { ADDRESS_VERDICTS } from '../boot-test/nic-address.ts';
import { EXPORT_FORMATS } from '../export/types.ts';
import { REPLICA_FORMATS } from '../../image/replica/replica-format.ts';
import { CUTOVER_STEPS } from '../sync/replica/cutover-record.ts';
import {
  BootReportSchema,
  ConfiguredNicsSchema,
  FixReportSchema,
  HardwareReportSchema,
} from '../fix-guest/report-schema.ts';
import { GuestNetReportSchema } from '../guest-net/types.ts';

// The JSON documents of `--json`. src/commands/documents builds them and imports only their types: no command loads
// this file.

/** The error of a document. `details` holds further data for programs; its shape depends on the kind. */
export const ErrorSchema = object({
  kind: picklist([...ERROR_KINDS, 'interrupted']),
  exitCode: number(),
  message: string(),
  hint: optional(string()),
  details: optional(looseObject({})),
});

/**
 * The output of every command. `result` is what it found or did. It is present next to `error` if the command ran to
 * completion.
 */
export function documentSchema(result: GenericSchema): GenericSchema {
  return object({
    schemaVersion: literal(SCHEMA_VERSION),
    ok: boolean(),
    exitCode: number(),
    result: optional(result),
    error: optional(ErrorSchema),
    warnings: array(string()),
  });
}

const FileSchema = object({ path: string(), sizeBytes: number(), sha256: optional(string()) });

export type BootTestDocument = InferOutput<typeof BootTestDocument>;
export const BootTestDocument = object({
  target: string(),
  name: string(),
  verdict: picklist(['booted', 'failed', 'no-sign']),
  networkUp: nullable(boolean()),
  seconds: number(),
  accelerator: picklist(['kvm', 'tcg']),
  firmware: picklist(['bios', 'uefi']),
  loginPromptSeconds: nullable(number()),
  guestAgentSeconds: nullable(number()),
  nics: array(
    object({
      mac: string(),
      model: string(),
      firstFrameSeconds: nullable(number()),
      sent: object({ dhcp: boolean(), addresses: array(string()), arpTargets: array(string()) }),
      configured: nullable(array(string())),
      address: object({
        verdict: picklist(ADDRESS_VERDICTS),
        expected: array(string()),
        isDifferent: boolean(),
        words: string(),
      }),
    }),
  ),
  restarts: number(),
  failure: optional(object({ kind: string(), words: string(), text: string(), seconds: number() })),
  failedUnits: array(string()),
  lastLines: array(string()),
  picture: nullable(string()),
  serialLog: string(),
  job: string(),
  warnings: array(string()),
  problem: optional(object({ message: string(), hint: string() })),
});

const LeftOutDiskSchema = object({
  number: number(),
  label: string(),
  datastoreFile: string(),
  capacityBytes: number(),
});

const ExportedVmDocument = object({
  vm: string(),
  moRef: string(),
  inventoryPath: string(),
  format: picklist(EXPORT_FORMATS),
  output: string(),
  files: array(FileSchema),
  disks: optional(array(object({ label: string(), datastoreFile: string(), file: string(), capacityBytes: number() }))),
  leftOut: optional(array(LeftOutDiskSchema)),
  transferredBytes: number(),
  capacityBytes: number(),
  keptDisks: array(string()),
  quiesced: optional(boolean()),
  hardware: optional(HardwareReportSchema),
  defined: optional(string()),
  guest: optional(FixReportSchema),
  guestNet: optional(GuestNetReportSchema),
  bootTest: optional(BootTestDocument),
  audit: optional(object({ transport: picklist(['lease']), disks: array(string()), transferredBytes: number() })),
  changed: optional(string()),
  generations: optional(object({ kept: array(string()), removed: array(string()) })),
  warnings: array(string()),
  leftBehind: optional(array(string())),
  fetchSeconds: optional(number()),
  seconds: number(),
});

const SkippedVmDocument = object({
  vm: string(),
  moRef: string(),
  inventoryPath: string(),
  reason: picklist(['already-whole', 'unchanged']),
  format: picklist(EXPORT_FORMATS),
  output: string(),
  files: array(FileSchema),
  exportedAt: string(),
  pending: optional(array(picklist(['define', 'boot-test']))),
  leftBehind: optional(array(string())),
});

const FailedVmDocument = object({
  vm: string(),
  error: JobErrorSchema,
  leftBehind: array(string()),
  keptForNextRun: array(string()),
});

export type ExportDocument = InferOutput<typeof ExportDocument>;
export const ExportDocument = object({
  job: string(),
  state: picklist(['done', 'partial', 'failed', 'interrupted']),
  exported: array(ExportedVmDocument),
  skipped: array(SkippedVmDocument),
  failed: array(FailedVmDocument),
  seconds: optional(number()),
  share: optional(object({ index: number(), count: number(), vms: number(), ofVms: number() })),
});

const RehearsalSchema = object({
  takenAt: string(),
  isGood: boolean(),
  error: optional(JobErrorSchema),
  guest: optional(FixReportSchema),
  hardware: optional(HardwareReportSchema),
  bootTest: optional(BootTestDocument),
  fixSeconds: nullable(number()),
  bootSeconds: nullable(number()),
  seconds: number(),
});

const DowntimeSchema = object({
  seconds: nullable(number()),
  roundSeconds: nullable(number()),
  fixSeconds: nullable(number()),
  bootSeconds: nullable(number()),
  isBootEmulated: optional(boolean()),
  changedBytesPerSecond: nullable(number()),
  transferBytesPerSecond: nullable(number()),
  missing: array(picklist(['second-round', 'rehearsal', 'good-rehearsal'])),
});

export type SyncDocument = InferOutput<typeof SyncDocument>;
export const SyncDocument = object({
  job: string(),
  state: picklist(['done', 'partial', 'failed', 'interrupted']),
  synced: array(
    object({
      vm: string(),
      moRef: string(),
      inventoryPath: string(),
      format: picklist(REPLICA_FORMATS),
      output: string(),
      round: number(),
      takenAt: string(),
      disks: array(
        object({
          label: string(),
          file: string(),
          capacityBytes: number(),
          reading: picklist(['new', 'changed', 'compared']),
          reason: nullable(string()),
          changedBytes: number(),
          repairedBytes: optional(nullable(number())),
        }),
      ),
      transferredBytes: number(),
      changedBytes: number(),
      repairedBytes: optional(number()),
      enabledTracking: optional(boolean()),
      quiesced: optional(boolean()),
      fetchSeconds: number(),
      applySeconds: number(),
      seconds: number(),
      nextRoundSeconds: optional(number()),
      rehearsal: optional(RehearsalSchema),
      downtime: DowntimeSchema,
      warnings: array(string()),
      leftBehind: optional(array(string())),
    }),
  ),
  skipped: array(
    object({
      vm: string(),
      moRef: string(),
      inventoryPath: string(),
      reason: literal('cutover'),
      output: string(),
      step: picklist(CUTOVER_STEPS),
      since: string(),
    }),
  ),
  failed: array(object({ vm: string(), error: JobErrorSchema, leftBehind: array(string()) })),
});

const cutoverFields = {
  job: string(),
  vm: string(),
  moRef: string(),
  inventoryPath: string(),
  output: string(),
  warnings: array(string()),
  leftBehind: optional(array(string())),
  seconds: number(),
};

export type CutoverDocument = InferOutput<typeof CutoverDocument>;
export const CutoverDocument = variant('state', [
  object({
    ...cutoverFields,
    state: literal('done'),
    finishedAt: string(),
    domain: object({
      path: string(),
      name: string(),
      uuid: nullable(string()),
      uri: nullable(string()),
      isStarted: boolean(),
    }),
    hardware: optional(HardwareReportSchema),
    guest: optional(FixReportSchema),
    bootTest: optional(BootTestDocument),
    rounds: array(
      object({
        kind: picklist(['warm', 'final', 'audit']),
        takenAt: string(),
        changedBytes: number(),
        transferredBytes: number(),
        seconds: number(),
      }),
    ),
    sign: nullable(picklist(['guest-agent', 'network'])),
    downtime: nullable(
      object({
        shutdownSeconds: number(),
        seconds: number(),
        parts: array(object({ step: picklist(CUTOVER_STEPS), seconds: number() })),
      }),
    ),
    files: array(FileSchema),
  }),
  object({
    ...cutoverFields,
    state: literal('rolled-back'),
    step: picklist(CUTOVER_STEPS),
    source: picklist(['on', 'off']),
    domain: nullable(object({ name: string(), wasStopped: boolean(), wasUndefined: boolean() })),
  }),
]);

const FindingSchema = object({
  level: picklist(['ok', 'warning', 'error']),
  check: string(),
  detail: string(),
  hint: optional(string()),
  kind: optional(picklist(ERROR_KINDS)),
});

export type DryRunDocument = InferOutput<typeof DryRunDocument>;
export const DryRunDocument = object({
  plans: array(
    object({
      vm: string(),
      moRef: string(),
      inventoryPath: string(),
      powerState: string(),
      guest: string(),
      format: picklist(EXPORT_FORMATS),
      output: string(),
      disks: array(
        object({
          disk: string(),
          label: string(),
          datastoreFile: string(),
          capacityBytes: number(),
          expectedBytes: number(),
        }),
      ),
      leftOut: optional(array(LeftOutDiskSchema)),
      files: array(string()),
      expectedBytes: number(),
      freeBytes: number(),
      findings: array(FindingSchema),
    }),
  ),
  skipped: array(SkippedVmDocument),
  failed: array(FailedVmDocument),
  totals: object({
    vms: number(),
    exportable: number(),
    disks: number(),
    capacityBytes: number(),
    expectedBytes: number(),
    freeBytes: nullable(number()),
  }),
});

export type DetachedDocument = InferOutput<typeof DetachedDocument>;
export const DetachedDocument = object({ job: string(), pid: number(), log: string() });

const DiskOriginSchema = object({ label: nullable(string()), file: nullable(string()) });

export type ConvertDocument = InferOutput<typeof ConvertDocument>;
export const ConvertDocument = object({
  source: string(),
  disks: array(
    object({
      path: string(),
      format: picklist(SINK_FORMATS),
      source: DiskOriginSchema,
      sourceFormat: picklist(IMAGE_FORMATS),
      sourceVariant: string(),
      virtualSizeBytes: number(),
      sizeBytes: number(),
      verified: picklist(['read-back', 'checksums', 'manifest', 'none']),
    }),
  ),
  leftOut: optional(array(DiskOriginSchema)),
  domain: optional(string()),
  manifest: optional(string()),
  defined: optional(string()),
  hardware: optional(HardwareReportSchema),
  guest: optional(FixReportSchema),
  guestNet: optional(GuestNetReportSchema),
  warnings: array(string()),
  copySeconds: number(),
  seconds: number(),
  bootTest: optional(BootTestDocument),
});

export type ConvertPlanDocument = InferOutput<typeof ConvertPlanDocument>;
export const ConvertPlanDocument = object({
  source: string(),
  container: string(),
  disks: array(
    object({
      path: string(),
      source: DiskOriginSchema,
      sourceFormat: picklist(IMAGE_FORMATS),
      sourceVariant: string(),
      virtualSizeBytes: number(),
      usedBytes: number(),
      expectedBytes: number(),
      leastBytes: number(),
    }),
  ),
  leftOut: optional(array(DiskOriginSchema)),
  domain: optional(string()),
  warnings: array(string()),
  freeBytes: number(),
  taken: array(string()),
  refusal: optional(string()),
});

export type VerifyDocument = InferOutput<typeof VerifyDocument>;
export const VerifyDocument = object({
  items: array(
    object({
      path: string(),
      kind: picklist(['ovf', 'ova', 'vmx', 'domain', 'manifest', 'record', 'disk', 'none']),
      findings: array(
        object({
          level: picklist(['ok', 'warning', 'error']),
          file: string(),
          detail: string(),
          hint: optional(string()),
          kind: optional(picklist(ERROR_KINDS)),
        }),
      ),
    }),
  ),
  readBytes: number(),
  errors: number(),
  warnings: number(),
  seconds: number(),
});

export type InfoDocument = InferOutput<typeof InfoDocument>;
export const InfoDocument = object({
  source: string(),
  container: picklist(['image', 'vmx', 'folder', 'ova', 'gzip-ova']),
  machine: optional(
    object({
      name: string(),
      uuid: nullable(string()),
      guestId: nullable(string()),
      architecture: string(),
      vcpus: number(),
      coresPerSocket: nullable(number()),
      memoryBytes: nullable(number()),
      firmware: picklist(['bios', 'uefi']),
      secureBoot: boolean(),
      tpm: boolean(),
      nics: array(object({ mac: nullable(string()), model: string(), network: nullable(string()) })),
      cdRoms: number(),
    }),
  ),
  manifestFiles: nullable(number()),
  disks: array(
    object({
      source: DiskOriginSchema,
      format: picklist(IMAGE_FORMATS),
      variant: string(),
      virtualSizeBytes: number(),
      usedBytes: number(),
      sizeBytes: number(),
      files: array(string()),
      controller: nullable(string()),
    }),
  ),
  guest: optional(
    union([
      object({
        found: literal(true),
        system: string(),
        kind: picklist(['linux', 'windows']),
        root: string(),
        fileSystems: array(
          object({
            device: string(),
            type: string(),
            label: nullable(string()),
            uuid: nullable(string()),
            mountPoint: nullable(string()),
          }),
        ),
        bootLoader: nullable(object({ name: string(), file: string() })),
        kernels: array(object({ version: string(), hasInitramfs: boolean() })),
        nics: ConfiguredNicsSchema,
        encrypted: array(object({ device: string(), isOpen: boolean() })),
        virtio: nullable(BootReportSchema),
      }),
      object({ found: literal(false), reason: string(), hint: nullable(string()) }),
    ]),
  ),
  warnings: array(string()),
});

export type ListDocument = InferOutput<typeof ListDocument>;
export const ListDocument = array(
  object({
    name: string(),
    inventoryPath: string(),
    moRef: string(),
    powerState: string(),
    template: boolean(),
    guest: string(),
    disks: array(object({ label: string(), capacityBytes: number() })),
    cpus: number(),
    memoryBytes: number(),
    unreadable: boolean(),
    usedBytes: nullable(number()),
    datastores: array(string()),
    host: string(),
    folder: string(),
    check: optional(
      object({
        exportable: picklist(['yes', 'snapshot', 'no']),
        problems: array(object({ detail: string(), hint: optional(string()) })),
        warnings: array(string()),
      }),
    ),
    instanceUuid: string(),
    biosUuid: string(),
    managedBy: string(),
  }),
);

const { schemaVersion: _, ...jobEntries } = JobRecordSchema.entries;
export type JobDocument = InferOutput<typeof JobDocument>;
export const JobDocument = object({ ...jobEntries, file: string(), problem: optional(string()) });

export type JobsDocument = InferOutput<typeof JobsDocument>;
export const JobsDocument = array(JobDocument);

const StatusFindingSchema = object({ area: picklist(['host', 'server']), ...FindingSchema.entries });

export type CheckDocument = InferOutput<typeof CheckDocument>;
export const CheckDocument = object({ version: string(), findings: array(StatusFindingSchema) });

export type StatusDocument = InferOutput<typeof StatusDocument>;
export const StatusDocument = object({
  version: string(),
  findings: array(StatusFindingSchema),
  jobs: array(JobDocument),
  replicas: array(
    object({
      vm: string(),
      folder: string(),
      round: number(),
      takenAt: nullable(string()),
      isPending: boolean(),
      nextRoundSeconds: nullable(number()),
      downtime: nullable(DowntimeSchema),
      rehearsal: nullable(
        object({ takenAt: string(), rehearsedAt: string(), isGood: boolean(), problem: optional(string()) }),
      ),
      problem: optional(string()),
    }),
  ),
});

export type CancelDocument = InferOutput<typeof CancelDocument>;
export const CancelDocument = object({
  cancelled: array(string()),
  failed: array(object({ job: string(), error: JobErrorSchema })),
});

export type CompletionDocument = InferOutput<typeof CompletionDocument>;
export const CompletionDocument = object({ shell: picklist(['bash', 'zsh', 'fish']), script: string() });
