import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * How QEMU fails with KVM: KVM passes small tests and then reports an internal error, QEMU aborts, or the vCPU never
 * runs.
 */
export type Breakage = 'internal-error' | 'abort' | 'hang';

/**
 * A fake QEMU that sends the QMP greeting, starts, prints the first line of a kernel, and then stops as QEMU does when
 * KVM fails.
 */
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
 * Writes a program into `folder` that replaces QEMU. It fails when it is asked to run a VM with KVM, and forwards every
 * other call to `emulator`: the path of a QEMU, or shell code.
 * libguestfs first queries the features of its QEMU, which works on hosts with a broken KVM. Without /dev/kvm,
 * libguestfs does not request KVM.
 */
export async function standInQemu(folder: string, breakage: Breakage, emulator = 'exit 3'): Promise<string> {
  const path = join(folder, 'qemu-system-x86_64');
  await writeFile(join(folder, 'stops.mjs'), STOPS);
  // `force_tcg` is a setting for libguestfs. It does not apply to a QEMU that hyper2kvm starts itself (with -S).
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
