import { chmod, copyFile, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { outputOf, runProgram, type ProgramResult } from '../oracles/run-program.ts';

/** An unused user ID: the host's passwd file does not contain it either. */
const UID = '12345';

/**
 * Fills `folder` with the binary as `/hyper2kvm`, the libraries that the loader reports, and an empty folder `/out`
 * that is writable for all users.
 * There is nothing else: no shell, no /proc, no /dev, no /tmp, no passwd file.
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
  // Independent of the umask of this process.
  await outputOf('chmod', ['-R', 'a+rX', folder]);
}

/**
 * Returns the command line that runs the binary in an empty root. The root is read-only except for /out, and the user
 * has no passwd entry. The environment contains only `settings`, and a NODE_OPTIONS that Node.js rejects.
 * All namespaces are new, except for the network namespace if `network` is `outer`.
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
  // Otherwise root would keep the permissions that it has outside.
  const leaveRoot = ['setpriv', `--reuid=${UID}`, `--regid=${UID}`, '--clear-groups'];
  return [...(process.getuid?.() === 0 ? leaveRoot : []), ...words] as [string, ...string[]];
}

/** Runs the binary in the empty root until it exits, without a network. */
export function runInRoot(bwrap: string, root: string, args: readonly string[]): Promise<ProgramResult> {
  const [command, ...words] = wordsInRoot(bwrap, root, args);
  return runProgram(command, words);
}
