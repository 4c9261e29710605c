import { chmod, copyFile, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { outputOf, runProgram, type ProgramResult } from '../oracles/run-program.ts';

/** Nobody's: there is no such user in the passwd of the host either. */
const UID = '12345';

/**
 * Fills `folder` with the binary as `/hyper2kvm`, the libraries that the loader says it needs, and an empty folder `/out` that everyone may write to. Nothing else: no shell,
 * no /proc, no /dev, no /tmp, no passwd.
 */
export async function makeEmptyRoot(folder: string, binary: string): Promise<void> {
  const listed = await outputOf('ldd', [binary]);
  const libraries = [...listed.matchAll(/(\/\S+)(?= \(0x)/g)].map(([path]) => path);
  for (const library of libraries) {
    await mkdir(join(folder, dirname(library)), { recursive: true });
    await copyFile(library, join(folder, library));
  }
  await copyFile(binary, join(folder, 'hyper2kvm'));
  await mkdir(join(folder, 'out'));
  await chmod(join(folder, 'out'), 0o777);
  // Whatever this process's umask.
  await outputOf('chmod', ['-R', 'a+rX', folder]);
}

/**
 * The words that run the binary in an empty root: read-only but for /out, as a user without passwd entry, with an environment that holds only `settings` and a NODE_OPTIONS that no Node.js takes. Namespaces
 * are all its own, but for the network's where `network` is `outer`.
 */
export function wordsInRoot(
  bwrap: string,
  root: string,
  args: readonly string[],
  { settings = {}, network = 'own' }: { settings?: Record<string, string>; network?: 'own' | 'outer' } = {},
): [string, ...string[]] {
  const namespaces = network === 'outer' ? ['--unshare-all', '--share-net'] : ['--unshare-all'];
  const user = ['--uid', UID, '--gid', UID];
  const files = ['--ro-bind', root, '/', '--bind', join(root, 'out'), '/out', '--chdir', '/'];
  const variables = Object.entries({ NODE_OPTIONS: '--nonsense', ...settings });
  const environment = ['--clearenv', ...variables.flatMap(([name, value]) => ['--setenv', name, value])];
  const words = [bwrap, ...namespaces, ...user, ...files, ...environment, '/hyper2kvm', ...args];
  // Root of the host would stay allowed to do what it may outside.
  const leaveRoot = ['setpriv', `--reuid=${UID}`, `--regid=${UID}`, '--clear-groups'];
  return [...(process.getuid?.() === 0 ? leaveRoot : []), ...words] as [string, ...string[]];
}

/** Runs the binary there to its end, without any network. */
export function runInRoot(bwrap: string, root: string, args: readonly string[]): Promise<ProgramResult> {
  const [command, ...words] = wordsInRoot(bwrap, root, args);
  return runProgram(command, words);
}
