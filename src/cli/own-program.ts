import { realpathSync } from 'node:fs';
import { isSea } from 'node:sea';
import type { OwnProgram } from '../operations/detach/types.ts';

/** How this program is started again: as the one file that it is, or as a script by the same Node.js. Under its own name, whatever link it was called by. */
export function ownProgram(): OwnProgram {
  if (isSea()) return { file: process.execPath, args: [] };
  const [, script = ''] = process.argv;
  return { file: process.execPath, args: ['--disable-sigusr1', ...process.execArgv, realpathSync(script)] };
}
