import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { sentenceOf } from '../../base/errors.ts';
import { errnoOf } from '../../base/files/local-file-error.ts';
import { forecastDowntime, nextRoundSeconds } from './forecast.ts';
import { readState, stateName } from './replica/replica-state.ts';
import type { ReplicaView } from './types.ts';

/**
 * Lists the replicas in a folder of `sync`, by name. A record that cannot be read is in the list with `problem` set. A
 * folder that cannot be read counts as empty.
 */
export async function listReplicas(folder: string): Promise<ReplicaView[]> {
  const views: ReplicaView[] = [];
  for (const name of await foldersIn(resolve(folder))) {
    const place = join(resolve(folder), name);
    const view = await viewOf(name, place);
    if (view !== undefined) views.push(view);
  }
  return views;
}

async function foldersIn(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
    return names.toSorted((a, b) => (a < b ? -1 : 1));
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return [];
  }
}

async function viewOf(name: string, folder: string): Promise<ReplicaView | undefined> {
  const nothing = { vm: name, folder, round: 0, takenAt: null, isPending: false, nextRoundSeconds: null };
  const unknown = { downtime: null, rehearsal: null };
  try {
    const state = await readState(join(folder, stateName(name)));
    if (state === undefined) return undefined;
    const { vm, point, pending, rounds, rehearsal } = state;
    return {
      vm: vm.name,
      folder,
      round: point?.number ?? 0,
      takenAt: point?.takenAt ?? null,
      isPending: pending !== undefined,
      nextRoundSeconds: nextRoundSeconds(rounds) ?? null,
      downtime: forecastDowntime(state),
      rehearsal: rehearsal ?? null,
    };
  } catch (error) {
    return { ...nothing, ...unknown, problem: sentenceOf(error) };
  }
}
