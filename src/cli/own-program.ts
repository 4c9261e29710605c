import { realpathSync } from 'node:fs';
import { isSea } from 'node:sea';
import type { OwnProgram } from '../operations/detach/types.ts';

/**
 * How to start this program again: as the single file that it is, or as a script with the same Node.js. Always under
 * its own name, not that of a link.
 */
export function ownProgram(): OwnProgram {
  if (isSea()) return { file: process.execPath, args: [] };
  const [, script = ''] = process.argv;
  return { file: process.execPath, args: ['--disable-sigusr1', ...process.execArgv, realpathSync(script)] };
}
