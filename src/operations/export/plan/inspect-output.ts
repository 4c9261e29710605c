import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { sentenceOf } from '../../../base/errors.ts';
import { checkNames, checkWritable } from '../../../base/files/free-space.ts';
import { formatBytes } from '../../../base/text/amounts.ts';
import { bothNames } from '../../../base/output/partial-name.ts';
import type { VirtualDisk } from '../../../vsphere/vm/virtual-disk.ts';
import type { VmFacts } from '../../../vsphere/vm/vm-facts.ts';
import { existsSentence } from '../../file-writer.ts';
import type { ExportOptions, ExportPlan, PreflightFinding } from '../types.ts';
import { findingOf } from './findings.ts';

const OTHER_NAME = 'Change the file names with --name NAME (for one VM), or choose an --output on another file system.';

/** An upper bound, except for incompressible data: the compressed stream is nearly always smaller than the disk's files. */
export function expectedBytes(disk: VirtualDisk, facts: VmFacts): number {
  const occupied = facts.occupiedBytes.get(disk.key);
  return occupied === undefined ? disk.capacityBytes : Math.min(occupied, disk.capacityBytes);
}

/** Checks the output folder: free space, permissions and existing names. */
export async function inspectOutput(
  plan: ExportPlan,
  facts: VmFacts,
  { force, env }: Pick<ExportOptions, 'force' | 'env'>,
): Promise<PreflightFinding[]> {
  const findings = [inspectSpace(plan, facts)];
  let isWritable = false;
  try {
    await checkWritable(plan.output);
    isWritable = true;
    findings.push({ level: 'ok', check: 'output', detail: `${plan.output} can be written` });
    const names = plan.files.flatMap(bothNames);
    await checkNames(plan.output, names, OTHER_NAME);
  } catch (error) {
    if (isWritable) findings.push(findingOf('names', error));
    else findings.push({ level: 'error', kind: 'local-file', check: 'output', detail: sentenceOf(error) });
  }
  for (const name of plan.files) {
    const path = join(plan.output, name);
    const found = await lstat(path).catch(() => undefined);
    if (found?.isDirectory() === true && force) {
      const detail = `${path} is a folder, which --force does not overwrite.`;
      findings.push({ level: 'error', kind: 'local-file', check: 'names', detail, hint: 'Move it.' });
    }
    if (found === undefined || force) continue;
    const hint = 'Choose another --output, or overwrite it with --force.';
    const detail = await existsSentence(path, env);
    findings.push({ level: 'error', kind: 'local-file', check: 'names', detail, hint });
  }
  return findings;
}

/** A thick disk occupies its full capacity however little data it contains, so only the size of a thin disk is a reason to refuse. */
function inspectSpace(plan: ExportPlan, facts: VmFacts): PreflightFinding {
  const check = 'free space';
  const expected = formatBytes(plan.expectedBytes);
  const needed = `at most ${expected} are expected, ${formatBytes(plan.freeBytes)} are free in ${plan.output}`;
  if (plan.expectedBytes <= plan.freeBytes) return { level: 'ok', check, detail: needed };
  const thin = facts.disks.filter((disk) => disk.thin).reduce((sum, disk) => sum + expectedBytes(disk, facts), 0);
  const hint = 'Free up space there, or choose another --output.';
  return thin > plan.freeBytes
    ? { level: 'error', kind: 'local-file', check, detail: `${needed}.`, hint }
    : {
        level: 'warning',
        check,
        detail: `${needed}; the disks are thick-provisioned and may contain less data.`,
        hint,
      };
}
