import type { Run } from './image.ts';

/**
 * Extends `last` by `next` if the two are contiguous on the disk and in the file and have the same kind. Otherwise
 * returns false and changes nothing.
 */
export function joinRuns(last: Run, next: Run): boolean {
  if (last.kind !== next.kind || last.offsetBytes + last.lengthBytes !== next.offsetBytes) return false;
  if (last.kind === 'data' && next.kind === 'data') {
    if (last.file !== next.file || last.fileOffsetBytes + last.lengthBytes !== next.fileOffsetBytes) return false;
  } else if (last.kind === 'compressed' && next.kind === 'compressed') {
    if (last.file !== next.file || last.fileOffsetBytes !== next.fileOffsetBytes) return false;
    if (last.skipBytes + last.lengthBytes !== next.skipBytes) return false;
  }
  last.lengthBytes += next.lengthBytes;
  return true;
}

/**
 * Merges adjacent runs. The input comes in batches, one per table, because a promise for every run would cost more than
 * the run. Modifies the runs that it receives.
 */
export async function* mergeRuns(batches: AsyncIterable<readonly Run[]>): AsyncGenerator<Run, void, undefined> {
  let last: Run | undefined;
  for await (const batch of batches) {
    for (const run of batch) {
      if (last !== undefined && joinRuns(last, run)) continue;
      if (last !== undefined) yield last;
      last = run;
    }
  }
  if (last !== undefined) yield last;
}
