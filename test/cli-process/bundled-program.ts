import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const CACHE = join(ROOT, 'node_modules/.cache/hyper2kvm-test');
/** A bundle that was last used this long ago is unused. Longer than any test file runs. */
const UNUSED_MS = 3_600_000;
const BUILDER = 'test/tools/build-test-program.ts';

/** The inputs of the bundle. */
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
 * Returns the path of a bundle of the sources, and rebuilds it when a source has changed.
 * A process that runs the bundle takes a tenth of the CPU time of bin/dev.js, for which Node.js strips types file by file.
 * The standalone binary is built from the same bundle.
 */
export function bundledProgram(): string {
  const folder = join(CACHE, stampOf(INPUTS));
  const program = join(folder, 'program.cjs');
  if (existsSync(program)) {
    // The mtime of a bundle is the time of its last use.
    const now = new Date();
    utimesSync(folder, now, now);
    return program;
  }
  execFileSync(process.execPath, [join(ROOT, BUILDER), folder], { stdio: ['ignore', 'inherit', 'inherit'] });
  removeOldBundles(CACHE, folder);
  return program;
}

/** Removes bundles of older sources and leftovers of killed builds. Recently used bundles stay: tests may still run them. */
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
