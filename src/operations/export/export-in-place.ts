import { join } from 'node:path';
import { lockOutput } from '../../jobs/output-lock.ts';
import { makeFolder, removeMadeFolders } from '../../ovf/local-folder.ts';
import { refusalOf } from './export-plan.ts';
import { exportVm, type VmExport } from './export-vm.ts';
import type { VmExportResult } from './types.ts';
import { useExported } from './use-exported.ts';

/** Exports one VM while no other run writes it to the same folder, and does what was asked for with the result. `leftBehind` is what clean-up has told so far. */
export async function exportInPlace(
  task: VmExport & { leftBehind: readonly string[] },
  signal: AbortSignal,
): Promise<VmExportResult> {
  const { plan, baseName, options, job, report, leftBehind } = task;
  const refusal = refusalOf(plan);
  if (refusal) throw refusal;
  await using held = new AsyncDisposableStack();
  held.use(await lockPlace(plan.output, baseName, { doing: `exporting ${plan.vm} to ${plan.output}`, job }));
  const whole = await exportVm(task, signal);
  whole.warnings.push(...leftBehind);
  return await useExported(whole, options, { signal, report });
}

/** Makes the folder, and leaves none that it made and nothing came into. */
async function lockPlace(
  folder: string,
  baseName: string,
  request: { doing: string; job: string },
): Promise<AsyncDisposable> {
  await using place = new AsyncDisposableStack();
  const topmost = await makeFolder(folder);
  place.defer(() => removeMadeFolders(folder, topmost));
  place.use(await lockOutput(join(folder, `.${baseName}.hyper2kvm-lock`), request));
  return place.move();
}
