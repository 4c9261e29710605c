/**
 * Runs `work` for each of `items` in order, with at most `limit` running at once. The first failure aborts the signal
 * of the others. After all have ended, rejects with that first failure.
 */
export async function forEachConcurrently<Item>(
  items: readonly Item[],
  limit: number,
  signal: AbortSignal,
  work: (item: Item, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const siblings = new AbortController();
  const shared = AbortSignal.any([signal, siblings.signal]);
  const queue = items.values();
  const runOne = async () => {
    for (const item of queue) {
      shared.throwIfAborted();
      await work(item, shared);
    }
  };
  const failures: unknown[] = [];
  const lanes = Array.from({ length: Math.min(limit, items.length) }, () =>
    runOne().catch((error: unknown) => {
      failures.push(error);
      siblings.abort(error);
    }),
  );
  await Promise.all(lanes);
  if (failures.length > 0) throw failures[0];
}

/**
 * Waits for all promises, even if one fails.
 * @throws the first failure in the order of the array.
 */
export async function settleAll(promises: readonly Promise<unknown>[]): Promise<void> {
  for (const end of await Promise.allSettled(promises)) if (end.status === 'rejected') throw end.reason;
}
