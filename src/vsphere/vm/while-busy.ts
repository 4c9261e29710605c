import { pause } from '../../base/time-limit.ts';
import { hasFault } from '../soap/fault.ts';

/** A host keeps a VM busy for some minutes after a lease ends, and a backup may lock its files. */
const BUSY_LIMIT_MS = 10 * 60_000;
/** Every attempt adds a failed task to the server's task list, which users see. */
const LONGEST_PAUSE_MS = 20_000;

/** Repeats `work` for some minutes while another task keeps the VM busy. */
export async function whileBusy(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  const endsAt = Date.now() + BUSY_LIMIT_MS;
  for (let attempt = 0; ; attempt += 1) {
    try {
      await work();
      return;
    } catch (error) {
      if (!hasFault(error, 'TaskInProgress', 'FileLocked', 'ConcurrentAccess') || Date.now() >= endsAt) throw error;
    }
    await pause(Math.min(LONGEST_PAUSE_MS, 1000 * 2 ** attempt), signal);
  }
}
