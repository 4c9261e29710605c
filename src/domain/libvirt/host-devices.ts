import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { childEnvironment } from '../../base/process/child-environment.ts';

/** Debian's and most others' name, then those of Red Hat. */
const PROGRAMS = ['qemu-system-x86_64', '/usr/libexec/qemu-kvm', 'qemu-kvm'] as const;
const LIMIT_MS = 10_000;

/** The devices that the QEMU of this host emulates, by its names; undefined when there is no QEMU that tells. */
export async function readHostDevices(signal: AbortSignal): Promise<Set<string> | undefined> {
  for (const program of PROGRAMS) {
    try {
      const { stdout } = await promisify(execFile)(program, ['-device', 'help'], {
        env: childEnvironment(process.env),
        timeout: LIMIT_MS,
        signal,
      });
      return devicesIn(stdout);
    } catch {
      // Not there, or not able to run here: the choice of hardware says that it did not know.
      signal.throwIfAborted();
    }
  }
  return undefined;
}

/** What `-device help` prints: a line `name "pvscsi", bus PCI` for each. */
export function devicesIn(text: string): Set<string> {
  return new Set(Array.from(text.matchAll(/^name "([^"]+)"/gm), ([, name = '']) => name));
}
