import type { ChildProcess } from 'node:child_process';

/**
 * Sends a signal to a process that leads its own group (`detached`), and to all processes that it started. Does nothing
 * if they no longer exist.
 */
export function signalGroup({ pid }: Pick<ChildProcess, 'pid'>, name: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, name);
  } catch {
    // The process group no longer exists.
  }
}
