import {
  array,
  exactOptional,
  literal,
  number,
  object,
  optional,
  picklist,
  readonly,
  pipe,
  string,
  union,
  type InferOutput,
} from 'valibot';
import { FIX_NAMES } from '../../guest/change.ts';
import { CHECK_AREAS } from '../../guest/contract/boot-check.ts';

const VERDICTS = ['ready', 'not-ready', 'unknown'] as const;

/** `BootReport` documents the fields. */
export const BootReportSchema = object({
  verdict: picklist(VERDICTS),
  checks: array(
    object({
      area: picklist(CHECK_AREAS),
      verdict: picklist(VERDICTS),
      file: string(),
      line: optional(number()),
      isAdvisory: optional(literal(true)),
      addresses: optional(pipe(array(string()), readonly())),
      reason: string(),
    }),
  ),
});

/** The NICs and static addresses in a guest's configuration. */
export const ConfiguredNicsSchema = pipe(
  array(object({ mac: string(), name: optional(string()), addresses: array(string()) })),
  readonly(),
);

/** `FixReport` documents the fields. */
export type FixReportDocument = InferOutput<typeof FixReportSchema>;
export const FixReportSchema = union([
  object({
    outcome: picklist(['fixed', 'planned']),
    system: string(),
    root: string(),
    changes: array(
      object({
        fix: picklist(FIX_NAMES),
        action: picklist(['create', 'edit', 'remove', 'run']),
        path: string(),
        details: pipe(array(string()), readonly()),
        backup: optional(string()),
      }),
    ),
    warnings: array(string()),
    boot: BootReportSchema,
    bootBefore: optional(BootReportSchema),
    configuredNics: exactOptional(ConfiguredNicsSchema),
    seconds: number(),
  }),
  object({ outcome: literal('not-fixed'), reason: string(), hint: optional(string()) }),
]);

/** `HardwareReport` documents the fields. */
export const HardwareReportSchema = object({
  kind: picklist(['virtio', 'source', 'sata']),
  reason: string(),
  notes: array(string()),
});
