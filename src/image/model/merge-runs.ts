import type { Run } from './image.ts';

/**
 * Lengthens `last` by `next` when both are one run: contiguous on the disk, of one kind, and in one place. Gives false, and changes nothing, when they are not.
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

/** The same runs with neighbours joined. They come in batches, one to a table: a promise for each single run would cost more than the run. Changes the runs that it is given. */
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
