import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { childEnvironment } from '../../base/process/child-environment.ts';

/** The name in Debian and most other distributions, then Red Hat's names. */
const PROGRAMS = ['qemu-system-x86_64', '/usr/libexec/qemu-kvm', 'qemu-kvm'] as const;
const LIMIT_MS = 10_000;

/** The devices that this host's QEMU emulates, by QEMU's names; undefined if no QEMU lists them. */
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
      // This QEMU is missing or cannot run here. The hardware choice reports that the devices are not known.
      signal.throwIfAborted();
    }
  }
  return undefined;
}

/** Parses the output of `-device help`: one line `name "pvscsi", bus PCI` per device. */
export function devicesIn(text: string): Set<string> {
  return new Set(Array.from(text.matchAll(/^name "([^"]+)"/gm), ([, name = '']) => name));
}
