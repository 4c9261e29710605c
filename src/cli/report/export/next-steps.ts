import type { ExportResult, VmExportFailure } from '../../../operations/export/types.ts';
import { safeText } from '../../text/safe-text.ts';

/** What failed VMs left on the server. */
export function leftLines(failed: readonly VmExportFailure[]): string[] {
  return failed.flatMap(({ leftBehind }) => leftBehind.map((left) => `Left behind: ${safeText(left)}`));
}

/** How to export the rest after a failure. A second run refuses the files of complete VMs unless it skips them. */
export function againLines({ exported, skipped, failed }: ExportResult): string[] {
  const kept = failed.flatMap(({ keptForNextRun }) => keptForNextRun);
  const resumed = kept.length === 0 ? '' : `; it keeps ${safeText(kept.join(', '))}`;
  if (failed.length === 0) return [];
  if (exported.length + skipped.length > 0) {
    return [`To export the rest, run the same command with --skip-existing${resumed}.`];
  }
  return kept.length === 0 ? [] : [`To resume, run the same command again${resumed}.`];
}

/** The next step after the export of several VMs, by the kind of their files. */
export function useLines({ exported }: ExportResult): string[] {
  const hasFile = (ends: RegExp) => exported.some(({ files }) => files.some(({ path }) => ends.test(path)));
  const isImage = exported.some(({ format }) => format === 'qcow2' || format === 'raw');
  if (!isImage && hasFile(/\.mf$/)) return ['To check the files later, in each folder: sha256sum --check *.mf'];
  const isDefined = exported.some(({ defined }) => defined !== undefined);
  if (!isImage || isDefined) return [];
  if (hasFile(/\.yaml$/))
    return ['To run a VM, upload its disks as its .yaml says, and apply it: kubectl apply -f FILE'];
  return hasFile(/\.xml$/) ? ['To make them VMs of this host, for each .xml file: virsh define FILE'] : [];
}
