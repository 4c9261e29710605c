import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** How a QEMU breaks with KVM: as on hosts whose KVM passes small tests, stops in the middle, or never takes a step. */
export type Breakage = 'internal-error' | 'abort' | 'hang';

/** A QEMU that greets, starts, prints the first line of a kernel, and then stops as QEMU does when its KVM fails. */
const STOPS = `
import { Socket } from 'node:net';
const qmp = new Socket({ fd: 3 });
const say = (message) => qmp.write(JSON.stringify(message) + '\\r\\n');
let status = 'prelaunch';
let rest = '';
say({ QMP: { version: { qemu: { micro: 0, minor: 2, major: 7 } }, capabilities: [] } });
qmp.on('data', (piece) => {
  const lines = (rest + piece).split('\\n');
  rest = lines.pop();
  for (const { execute, id } of lines.map((line) => JSON.parse(line))) {
    say({ return: execute === 'query-status' ? { status, running: status === 'running' } : {}, id });
    if (execute === 'quit') process.exit(0);
    if (execute === 'cont') {
      status = 'running';
      new Socket({ fd: 4 }).write('[    0.000000] Linux version 6.1.0\\r\\n');
      setTimeout(() => {
        status = 'internal-error';
        process.stderr.write('KVM internal error. Suberror: 1\\n');
        say({ event: 'STOP', timestamp: { seconds: 1, microseconds: 2 } });
      }, 50);
    }
  }
});
`;

const BREAK: Record<Breakage, (folder: string) => string> = {
  'internal-error': (folder) => `exec '${process.execPath}' '${join(folder, 'stops.mjs')}'`,
  abort: () => `echo "kvm_buf_set_msrs: Assertion 'ret == nmsrs' failed." >&2; kill -s ABRT $$`,
  hang: () => 'exec sleep 600',
};

/**
 * Writes a program into `folder` that stands in for QEMU: it breaks where it is to run a VM with KVM, and hands everything else on to `emulator`, a
 * QEMU or shell words. libguestfs asks its QEMU for its features first, which works on such hosts; without /dev/kvm it would ask for no KVM.
 */
export async function standInQemu(folder: string, breakage: Breakage, emulator = 'exit 3'): Promise<string> {
  const path = join(folder, 'qemu-system-x86_64');
  await writeFile(join(folder, 'stops.mjs'), STOPS);
  // What libguestfs is told about emulation says nothing about a QEMU that this program runs (-S).
  const script = `#!/bin/sh
case "$LIBGUESTFS_BACKEND_SETTINGS $* " in
*"-accel tcg"*) ;;
*" -S "*) ${BREAK[breakage](folder)} ;;
force_tcg*) ;;
*" -kernel "*) ${BREAK[breakage](folder)} ;;
esac
${emulator.startsWith('/') ? `exec '${emulator}' "$@"` : emulator}
`;
  await writeFile(path, script);
  await chmod(path, 0o755);
  return path;
}
