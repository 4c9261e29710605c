import {
  array,
  literal,
  number,
  object,
  omit,
  optional,
  picklist,
  string,
  undefinedable,
  variant,
  type InferOutput,
} from 'valibot';
import { SCHEMA_VERSION } from '../../base/records/schema-version.ts';
import { ErrorSchema } from './schemas.ts';

/** Without `details`, which the document of `--json` has. */
const LineErrorSchema = omit(ErrorSchema, ['details']);

const bytes = { capacityBytes: number(), coveredBytes: number(), receivedBytes: number() };

const TotalsSchema = object({
  vms: number(),
  exported: number(),
  skipped: number(),
  failed: number(),
  ...bytes,
  percent: optional(number()),
  bytesPerSecond: optional(number()),
  secondsLeft: optional(number()),
});

/** One line of `--progress=json`. `time` is ISO 8601 in UTC. */
export type ProgressLine = InferOutput<typeof ProgressLineSchema>;
export const ProgressLineSchema = variant('type', [
  /** The first line. */
  object({
    type: literal('start'),
    time: string(),
    schemaVersion: literal(SCHEMA_VERSION),
    command: string(),
    version: string(),
    pid: number(),
  }),
  /** The VMs of the run, as soon as they are known. */
  object({
    type: literal('vms'),
    time: string(),
    job: string(),
    vms: array(object({ vm: string(), inventoryPath: string(), capacityBytes: optional(undefinedable(number())) })),
  }),
  /** Once a second, and once at the end. `vms` are those in progress. */
  object({
    type: literal('progress'),
    time: string(),
    elapsedSeconds: number(),
    totals: optional(TotalsSchema),
    vms: array(object({ vm: string(), step: string(), ...bytes })),
  }),
  object({ type: literal('warning'), time: string(), vm: optional(string()), message: string() }),
  /** Anything else that the program says. */
  object({ type: literal('message'), time: string(), message: string() }),
  /** The end of one VM. */
  object({
    type: literal('result'),
    time: string(),
    vm: string(),
    state: picklist(['done', 'skipped', 'failed', 'interrupted']),
    output: optional(undefinedable(string())),
    sizeBytes: optional(undefinedable(number())),
    seconds: optional(number()),
    error: optional(LineErrorSchema),
  }),
  /** The last line. */
  object({ type: literal('end'), time: string(), exitCode: number(), error: optional(LineErrorSchema) }),
]);
