import { sentenceOf } from '../../../base/errors.ts';
import type { ExportRecipe } from '../target/export-recipe.ts';
import { changeSince, settleSource, watchSource, type SourceState } from './source-state.ts';
import type { ExportEvent, ExportOptions } from '../types.ts';
import type { VsphereClient } from '../../../vsphere/session/vsphere-client.ts';
import type { SelectedFacts } from '../../../vsphere/vm/select-disks.ts';
import type { VmFacts } from '../../../vsphere/vm/vm-facts.ts';
import { findComplete, type Recorded } from './complete-exports.ts';
import type { CompletionRecord } from './completion-record.ts';

/** The existing export, or, with `ifChanged`, the reason why a new one is needed. */
export interface Standing extends Recorded {
  changed?: string;
}

/** Finds an existing export that makes a new one unnecessary. Changes nothing. */
export async function findExisting(
  record: CompletionRecord | undefined,
  { recipe, facts, options }: { recipe: ExportRecipe; facts: VmFacts; options: ExportOptions },
): Promise<Standing> {
  const { complete, differences } = await findComplete(record, recipe, options);
  if (!options.ifChanged) return { ...(complete && { complete }), ...(differences && { differences }) };
  if (differences !== undefined) return { differences, changed: 'it was exported with other settings' };
  if (complete === undefined) return { changed: 'no complete export of it is recorded there' };
  const changed = changeSince(complete.source, facts, options);
  return changed === undefined ? { complete } : { changed };
}

/** A VM that is checked for changes during its export. */
export interface WatchedVm {
  client: VsphereClient;
  /** The VM's name in events. */
  vm: string;
  facts: SelectedFacts;
  options: ExportOptions;
  report: (event: ExportEvent) => void;
}

/**
 * With `ifChanged`, records the state of the VM before its export. The returned function determines, after the export,
 * which state of the VM the export contains.
 */
export async function watchForChange(
  { client, vm, facts, options, report }: WatchedVm,
  signal: AbortSignal,
): Promise<() => Promise<SourceState | undefined>> {
  if (!options.ifChanged) return () => Promise.resolve(undefined);
  const before = await watchSource(client, facts, signal);
  return async () => {
    try {
      return await settleSource(client, before, options, signal);
    } catch (error) {
      signal.throwIfAborted();
      const message = `The export is complete, but the next run will repeat it: ${sentenceOf(error)}`;
      report({ type: 'warning', vm, message });
      return undefined;
    }
  };
}
