import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { manifestFile, manifestText } from '../manifest.ts';
import { changelogProblems } from './changelog.ts';
import { root, version } from './project.ts';

/** Returns the problems that prevent a release of this version, as sentences. Empty if there are none. */
export async function releaseProblems(): Promise<string[]> {
  const problems = changelogProblems(readFileSync(join(root, 'CHANGELOG.md'), 'utf8'), version);
  if (readFileSync(manifestFile, 'utf8') !== (await manifestText())) {
    problems.push('oclif.manifest.json is stale: run npm run build.');
  }
  const changed = execFileSync('git', ['status', '--porcelain'], { cwd: root, encoding: 'utf8' }).trim();
  if (changed !== '') problems.push(`Files are not committed:\n${changed}`);
  return problems;
}
