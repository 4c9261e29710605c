// Builds the package: empties dist, compiles the sources and writes oclif's manifest. Requires Node.js 24: node bin/build/build.ts
import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { manifestFile, manifestText } from './manifest.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const tsc = fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url));

rmSync(new URL('../../dist', import.meta.url), { recursive: true, force: true });
const { status } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.json'], { cwd: root, stdio: 'inherit' });
if (status === 0) writeFileSync(manifestFile, await manifestText());
else process.exitCode = 1;
