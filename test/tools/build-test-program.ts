// Bundles the program into one script, which the end-to-end tests start: build-test-program.ts FOLDER. See
// test/cli-process/bundled-program.ts.
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { bundleProgram } from '../../bin/build/package/bundle.ts';

/** Compiled code is cached next to the bundle. After SIGKILL, the next process compiles the missing parts. */
const START = `#!/usr/bin/env node
require('node:module').enableCompileCache(require('node:path').join(__dirname, 'compiled'));
require('./bundle.cjs');
`;

const [target] = process.argv.slice(2);
if (target === undefined) throw new Error('build-test-program.ts FOLDER');
mkdirSync(dirname(target), { recursive: true });
const work = mkdtempSync(`${target}-`);
await bundleProgram(join(work, 'bundle.cjs'));
writeFileSync(join(work, 'program.cjs'), START);
chmodSync(join(work, 'program.cjs'), 0o755);
try {
  renameSync(work, target);
} catch (error) {
  // Another test run created the bundle first.
  rmSync(work, { recursive: true });
  if (!(error instanceof Error && 'code' in error && error.code === 'ENOTEMPTY')) throw error;
}
