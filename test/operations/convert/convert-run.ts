import { convert } from '../../../src/operations/convert/convert.ts';
import { NO_FIX } from '../fix-guest/no-fix.ts';
import type { ConvertEvent, ConvertOptions, ConvertResult } from '../../../src/operations/convert/types.ts';
import { runProgram } from '../../oracles/run-program.ts';

/** What the command chooses when nothing is said. */
export const DEFAULTS = {
  format: 'qcow2',
  compression: undefined,
  clusterBytes: undefined,
  verify: undefined,
  disk: undefined,
  hardware: 'auto',
  guest: NO_FIX,
  force: false,
} as const;

/** Converts with defaults, as the command does. */
export function runConvert(
  options: Pick<ConvertOptions, 'source' | 'output'> & Partial<ConvertOptions>,
  signal: AbortSignal = new AbortController().signal,
  report: (event: ConvertEvent) => void = () => undefined,
): Promise<ConvertResult> {
  return convert({ ...DEFAULTS, ...options }, { signal, report });
}

/** Runs qemu-img and gives what it printed. */
export async function qemu(qemuImg: string, ...args: string[]): Promise<string> {
  const { stdout, stderr } = await runProgram(qemuImg, args);
  return stdout + stderr;
}
