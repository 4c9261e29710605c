import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Absolute path of the project's root folder. */
export const root = fileURLToPath(new URL('../../../', import.meta.url));

export const { name, version, description, license } = JSON.parse(
  readFileSync(join(root, 'package.json'), 'utf8'),
) as Record<'name' | 'version' | 'description' | 'license', string>;

/**
 * Returns the timestamp of all files in packages, in seconds since 1970: `SOURCE_DATE_EPOCH`
 * (https://reproducible-builds.org) or the time of the commit.
 * Outside of a Git clone it is 0.
 */
export function commitTime(): number {
  const given = process.env['SOURCE_DATE_EPOCH'];
  if (given !== undefined) return Number(given);
  try {
    const git = ['log', '-1', '--format=%ct'];
    return Number(execFileSync('git', git, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
  } catch {
    return 0;
  }
}
