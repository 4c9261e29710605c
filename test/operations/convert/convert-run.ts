import type { SinkFormat } from '../../../src/image/model/encoding.ts';
import { EncodeOptions, type EncodeChoices } from '../../../src/operations/encode-options.ts';
import { convert } from '../../../src/operations/convert/convert.ts';
import { NO_FIX } from '../fix-guest/no-fix.ts';
import type { ConvertEvent, ConvertOptions, ConvertResult } from '../../../src/operations/convert/types.ts';
import { runProgram } from '../../oracles/run-program.ts';

/** The command's defaults. */
export const DEFAULTS = {
  encode: new EncodeOptions<SinkFormat>({ format: 'qcow2' }),
  verify: undefined,
  disks: undefined,
  hardware: 'auto',
  guest: NO_FIX,
  force: false,
} as const;

/** Options of a conversion in a test. Encoding options are on the same level as the others. */
export type ConvertChoices = Partial<Omit<ConvertOptions, 'encode'>> & Partial<EncodeChoices<SinkFormat>>;

/** Returns complete options, with defaults for those that are not given. */
export function allOptions({
  format = 'qcow2',
  compression,
  clusterBytes,
  ...given
}: Pick<ConvertOptions, 'source' | 'output'> & ConvertChoices): ConvertOptions {
  return { ...DEFAULTS, encode: new EncodeOptions({ format, compression, clusterBytes }), ...given };
}

/** Converts with the command's defaults. */
export function runConvert(
  options: Pick<ConvertOptions, 'source' | 'output'> & ConvertChoices,
  signal: AbortSignal = new AbortController().signal,
  report: (event: ConvertEvent) => void = () => undefined,
): Promise<ConvertResult> {
  return convert(allOptions(options), { signal, report });
}

/** Runs qemu-img and returns its output. */
export async function qemu(qemuImg: string, ...args: string[]): Promise<string> {
  const { stdout, stderr } = await runProgram(qemuImg, args);
  return stdout + stderr;
}
