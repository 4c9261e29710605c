import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomically } from '../base/files/atomic-file.ts';
import { Hyper2kvmError } from '../base/errors.ts';
import { errnoOf } from '../base/files/local-file-error.ts';
import { isMissing, makeOwnFolder, readOwnFile } from '../base/files/own-file.ts';
import { stateFolder } from '../base/files/state-folder.ts';
import { serverOfEnvironment } from '../vsphere/connection/connection-settings.ts';

const SUFFIX = '.txt';
/**
 * Control characters could not be typed and would control the terminal that prints them. Direction marks disguise a
 * name.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

/**
 * Stores the names of a server's VMs for shell completion: one file of mode 0600 per server, in the state folder. A
 * folder that is not writable costs only the completion. It is not reported here, because the job record in the same
 * place reports it.
 */
export async function rememberVms(
  env: NodeJS.ProcessEnv,
  server: URL,
  inventory: readonly { name: string; inventoryPath: string }[],
): Promise<void> {
  const names = new Map<string, number>();
  for (const { name } of inventory) names.set(name, (names.get(name) ?? 0) + 1);
  // Only the path distinguishes VMs with the same name, and marks a name with a leading dash as not being a flag.
  const lines = inventory
    .filter(({ name, inventoryPath }) => !UNSAFE.test(name + inventoryPath))
    .map(
      ({ name, inventoryPath: path }) => `${names.get(name) === 1 && !name.startsWith('-') ? name : path}\t${path}\n`,
    );
  const folder = namesFolder(env);
  try {
    await makeOwnFolder(folder);
    await writeFileAtomically(fileOf(folder, server), lines.join(''), { flush: false });
  } catch (error) {
    if (!(error instanceof Hyper2kvmError)) throw error;
  }
}

/**
 * The VMs in the last inventory of the server in the environment, or of the most recently used server if the
 * environment names none; empty without an inventory. Returns inventory paths if the typed text begins like one.
 * Contacts no server.
 */
export async function knownVms(env: NodeJS.ProcessEnv, typed: string): Promise<string[]> {
  const folder = namesFolder(env);
  const server = serverOfEnvironment(env);
  const file = server === undefined ? await newestFile(folder) : fileOf(folder, server);
  const text = file === undefined ? '' : await readIfThere(file);
  const rows = text.split('\n').filter(Boolean);
  return rows.map((row) => row.split('\t')[typed.startsWith('/') ? 1 : 0] ?? '');
}

function namesFolder(env: NodeJS.ProcessEnv): string {
  return join(stateFolder(env), 'vm-names');
}

function fileOf(folder: string, server: URL): string {
  return join(folder, encodeURIComponent(server.host) + SUFFIX);
}

async function newestFile(folder: string): Promise<string | undefined> {
  const names = await orIfMissing(readdir(folder), []);
  const files = names.filter((name) => name.endsWith(SUFFIX)).map((name) => join(folder, name));
  const ages = await Promise.all(files.map(async (file) => ({ file, mtimeMs: (await stat(file)).mtimeMs })));
  return ages.toSorted((a, b) => b.mtimeMs - a.mtimeMs)[0]?.file;
}

async function readIfThere(file: string): Promise<string> {
  try {
    return await readOwnFile(file);
  } catch (error) {
    if (isMissing(error)) return '';
    throw error;
  }
}

async function orIfMissing<Result>(found: Promise<Result>, instead: Result): Promise<Result> {
  try {
    return await found;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return instead;
    throw error;
  }
}
