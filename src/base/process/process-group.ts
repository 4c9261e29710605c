import type { ChildProcess } from 'node:child_process';

/** Sends a signal to a process that leads a group of its own (`detached`), and to all that it started. Nothing happens when they are gone. */
export function signalGroup({ pid }: Pick<ChildProcess, 'pid'>, name: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, name);
  } catch {
    // The group is gone already.
  }
}
