import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const CACHE = join(ROOT, 'node_modules/.cache/hyper2kvm-test');
/** Longer than a file of tests takes. */
const UNUSED_MS = 3_600_000;
const BUILDER = 'test/tools/build-test-program.ts';

/** What the bundle is made of. */
const INPUTS = [
  'src',
  'bin/standalone.ts',
  'bin/build/package/bundle.ts',
  'package.json',
  'package-lock.json',
  'oclif.manifest.json',
  BUILDER,
];

/**
 * The sources as one script, bundled anew when one of them has changed. A process of it takes a tenth of
 * the processor time of bin/dev.js, whose types Node.js strips file by file. The standalone binary is made of the same bundle.
 */
export function bundledProgram(): string {
  const folder = join(CACHE, stampOf(INPUTS));
  const program = join(folder, 'program.cjs');
  if (existsSync(program)) {
    // Its time of change is that of its last use.
    const now = new Date();
    utimesSync(folder, now, now);
    return program;
  }
  execFileSync(process.execPath, [join(ROOT, BUILDER), folder], { stdio: ['ignore', 'inherit', 'inherit'] });
  removeOldBundles(CACHE, folder);
  return program;
}

/** Removes bundles of earlier sources, and what a killed build left. One that was used lately may belong to tests that still run. */
export function removeOldBundles(cache: string, kept: string): void {
  for (const path of readdirSync(cache).map((name) => join(cache, name))) {
    const used = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
    if (path === kept || used === undefined || Date.now() - used < UNUSED_MS) continue;
    rmSync(path, { recursive: true, force: true });
  }
}

function stampOf(inputs: readonly string[]): string {
  const hash = createHash('sha256');
  const add = (path: string): void => {
    const { mtimeMs, size } = statSync(path);
    hash.update(`${path}\0${mtimeMs}\0${size}\0`);
  };
  for (const input of inputs.map((name) => join(ROOT, name))) {
    add(input);
    if (!statSync(input).isDirectory()) continue;
    for (const entry of readdirSync(input, { recursive: true, encoding: 'utf8' }).toSorted()) add(join(input, entry));
  }
  return hash.digest('hex').slice(0, 16);
}
