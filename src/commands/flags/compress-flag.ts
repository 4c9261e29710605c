import { Flags } from '@oclif/core';
import { Hyper2kvmError } from '../../base/errors.ts';
import { readChoice } from '../../cli/input/option-values.ts';
import type { OptionalValue } from '../../cli/input/optional-values.ts';
import { COMPRESSIONS, type Compression } from '../../operations/encode-options.ts';

/** The meaning of `--compress` without a value. */
const DEFAULT_COMPRESSION: Compression = 'fast';

export const OPTIONAL_COMPRESSION: OptionalValue = {
  bare: DEFAULT_COMPRESSION,
  accepts: (word) => COMPRESSIONS.some((name) => name === word),
};

/** `--compress`, shared by `export` and `convert`. Its value is optional, see `fillOptionalValues`. */
export const COMPRESS_FLAG = Flags.string({
  helpValue: `[=${COMPRESSIONS.join('|')}]`,
  description: `Compress qcow2 clusters. Without a value: ${DEFAULT_COMPRESSION}. careful uses the 4 KiB window that QEMU itself writes with; zstd compresses better, and needs QEMU 5.1 or later to read. Needs --format qcow2.`,
});

/**
 * The requested compression.
 * @throws usage error for an unknown value, or for a format without compression.
 */
export function readCompression(value: string | undefined, format: string): Compression | undefined {
  if (value === undefined) return undefined;
  needQcow2('--compress', format);
  return readChoice('--compress', value, COMPRESSIONS);
}

/** Refuses a flag that applies only to qcow2. */
export function needQcow2(flag: string, format: string): void {
  if (format === 'qcow2') return;
  throw new Hyper2kvmError('usage', `${flag} needs --format qcow2, not ${format}.`, {
    hint: `Omit ${flag}, or use --format qcow2.`,
  });
}
