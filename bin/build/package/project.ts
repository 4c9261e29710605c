import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's folder. */
export const root = fileURLToPath(new URL('../../../', import.meta.url));

export const { name, version, description, license } = JSON.parse(
  readFileSync(join(root, 'package.json'), 'utf8'),
) as Record<'name' | 'version' | 'description' | 'license', string>;

/**
 * The time that all files in packages bear, in seconds since 1970: that of the commit, or `SOURCE_DATE_EPOCH` as https://reproducible-builds.org has it. 0 outside of a clone, where
 * there is no commit to ask.
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
