import { Hyper2kvmError } from '../../../base/errors.ts';
import { partialPath } from '../../../base/output/partial-name.ts';
import type { ResumeRecord } from '../history/resume-record.ts';
import { settleEarlierRun, type ExportSource, type SourceScope } from '../source/export-source.ts';
import { sourceOfFetched } from '../source/fetched-snapshot.ts';
import type { ExportRecipe } from '../target/export-recipe.ts';
import { contentIdentity } from '../transfer/fetch-disks.ts';
import type { ExportOptions } from '../types.ts';

/**
 * Whether disks are used after their snapshot is gone. A generation must be of its date, `--if-changed` compares the VM
 * with what was exported, and an audit reads the snapshot.
 */
export function reusesFetched({
  power,
  keep,
  ifChanged,
  audit,
}: Pick<ExportOptions, 'power' | 'keep' | 'ifChanged' | 'audit'>): boolean {
  return power.kind === 'snapshot' && keep === undefined && ifChanged !== true && audit === undefined;
}

/**
 * With `--snapshot`, the complete disks of an earlier run that failed after the download; undefined if there are none.
 * The earlier run's snapshot has been removed, or is removed at the end of this one.
 */
export async function fetchedEarlier(
  { options, recipe, resume }: { options: ExportOptions; recipe: ExportRecipe; resume: ResumeRecord },
  scope: SourceScope,
): Promise<ExportSource | undefined> {
  if (!reusesFetched(options)) return undefined;
  const source = sourceOfFetched(scope.facts, resume.fetched);
  if (source === undefined || !(await resume.hasAllOf(contentIdentity(source, recipe)))) return undefined;
  await settleEarlierRun({ kind: 'as-is' }, scope);
  return source;
}

/**
 * The warning for a result that is made of these files.
 * @throws if one of the disks could not be reused after all.
 */
export function earlierState({ fetched, disks }: ExportSource, vm: string, files: readonly string[]): string {
  if (files.length < disks.length) {
    throw new Hyper2kvmError('transfer', `A downloaded disk of ${vm} was changed while it was being reused.`, {
      hint: 'Run the export again: it downloads the disks again.',
    });
  }
  const partial = files.map(partialPath).join(', ');
  return `The disks of ${vm} are as of ${fetched?.fetchedAt}, when an earlier run that then failed had downloaded them. Remove ${partial} and run the export again to get the current ones.`;
}
