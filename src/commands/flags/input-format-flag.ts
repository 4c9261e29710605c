import { Flags } from '@oclif/core';
import { readChoice } from '../../cli/input/option-values.ts';

const INPUT_FORMATS = ['raw'] as const;

/** The format of an input image. Only raw must be named, because the other formats have signatures. */
export const INPUT_FORMAT_FLAG = Flags.string({
  options: INPUT_FORMATS,
  description:
    'Format of the disk image. Default: detected from the content. raw takes the file as the disk, whatever it contains; use it for a disk without a partition table, boot sector or file system, such as an empty or encrypted one.',
});

/** @throws usage error for any value other than raw. */
export function readInputFormat(value: string | undefined): 'raw' | undefined {
  return value === undefined ? undefined : readChoice('--input-format', value, INPUT_FORMATS);
}
