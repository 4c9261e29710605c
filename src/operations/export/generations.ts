import { lstat, mkdir, readdir, readFile, readlink, rename, rm, rmdir, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { flushFolder, writeFileAtomically } from '../../base/atomic-file.ts';
import { Hyper2kvmError, sentenceOf } from '../../base/errors.ts';
import { errnoOf, localFileError } from '../../base/local-file-error.ts';
import { PARTIAL_SUFFIX } from '../../ovf/member-names.ts';

/** UTC, to the second. Nothing else is ever taken for a generation. */
const NAME = /^\d{8}T\d{6}Z$/;
/** What a generation is called while it is removed. */
const removedName = (name: string): string => `.${name}.hyper2kvm-removed`;
const REMOVED = /^\.\d{8}T\d{6}Z\.hyper2kvm-removed$/;
const RECORD = '.hyper2kvm-generation';
const UNFINISHED = '.hyper2kvm-unfinished';
const LATEST = 'latest';
const NEXT_LATEST = '.latest.hyper2kvm-next';

/** What stands in each generation, and makes its folder one of ours. */
interface GenerationRecord {
  version: 1;
  /** The name of the folder: a copy under another name is no generation. */
  name: string;
  /** Counts up: clocks may go back. */
  number: number;
  /** Of the VM. */
  identity: string;
  job: string;
  /** The names of its files. */
  files: string[];
}

/** The name of a generation that begins now in `folder`, which is free there. */
export async function freeGenerationName(folder: string, now: Date): Promise<string> {
  for (let ms = now.valueOf(); ; ms += 1000) {
    const name = new Date(ms).toISOString().replace(/\.\d+/, '').replaceAll(/[-:]/g, '');
    if (!(await isThere(join(folder, name)))) return name;
  }
}

/**
 * The whole exports of one VM, each in a folder of its own, and the link `latest` to the newest. The folder around them is locked by the caller. A new generation is made in
 * a hidden folder, which the next run goes on with when this one fails, and comes under its name with all its files at once.
 */
export class Generations {
  readonly #folder: string;
  readonly #identity: string;
  /** The newest first. */
  #known: GenerationRecord[];

  private constructor(folder: string, identity: string, known: GenerationRecord[]) {
    this.#folder = folder;
    this.#identity = identity;
    this.#known = known;
  }

  /**
   * Finds the generations in `folder`, and finishes what a run that was killed has left: a removal, the move of the link.
   * @throws Hyper2kvmError `local-file` when they are another VM's, or something else has the name of the link.
   */
  static async open(folder: string, identity: string): Promise<Generations> {
    try {
      const names = await readdir(folder);
      const known = await knownIn(folder, names);
      const foreign = known.find((record) => record.identity !== identity);
      if (foreign) throw foreignGeneration(join(folder, foreign.name));
      await requireLink(join(folder, LATEST));
      for (const name of names.filter((each) => REMOVED.test(each))) await rm(join(folder, name), { recursive: true });
      const found = new Generations(folder, identity, known);
      await found.#settleLatest();
      return found;
    } catch (error) {
      throw localFileError('read', folder, error);
    }
  }

  /** The folder of the newest, undefined when there is none. */
  get newest(): string | undefined {
    const [newest] = this.#known;
    return newest && join(this.#folder, newest.name);
  }

  get names(): string[] {
    return this.#known.map(({ name }) => name);
  }

  /** Makes the folder in which generation `name` is made, and its link: a file system that has no links is found out before the download. */
  async begin(name: string): Promise<string> {
    const unfinished = join(this.#folder, UNFINISHED);
    const link = join(this.#folder, NEXT_LATEST);
    try {
      await mkdir(unfinished).catch(async (error: unknown) => {
        if (errnoOf(error) !== 'EEXIST' || !(await lstat(unfinished)).isDirectory()) throw error;
      });
      // Files under final names: a run was killed before the generation got its own. Which of them are whole nobody knows.
      const left = (await readdir(unfinished)).filter(
        (entry) => !entry.startsWith('.') && !entry.endsWith(PARTIAL_SUFFIX),
      );
      for (const entry of left) await rm(join(unfinished, entry), { recursive: true });
      await rm(link, { force: true });
      await symlink(name, link);
    } catch (error) {
      throw localFileError('prepare a generation in', this.#folder, error);
    }
    return unfinished;
  }

  /** Ends a generation that did not become whole. What the next run can go on with stays. Never throws. */
  async abandon(): Promise<void> {
    await rm(join(this.#folder, NEXT_LATEST), { force: true }).catch(() => {});
    // One that is not empty stays.
    await rmdir(join(this.#folder, UNFINISHED)).catch(() => {});
  }

  /** Gives the generation that {@link begin} began its name, and moves the link to it. `files` are all that belongs to it. */
  async add(name: string, { job, files }: { job: string; files: readonly string[] }): Promise<void> {
    const unfinished = join(this.#folder, UNFINISHED);
    const number = (this.#known[0]?.number ?? 0) + 1;
    const record: GenerationRecord = { version: 1, name, number, identity: this.#identity, job, files: [...files] };
    try {
      for (const stray of await readdir(unfinished)) {
        if (!files.includes(stray)) await rm(join(unfinished, stray), { recursive: true });
      }
      await writeFileAtomically(join(unfinished, RECORD), `${JSON.stringify(record)}\n`, { mode: 0o644 });
      await rename(unfinished, join(this.#folder, name));
      await flushFolder(this.#folder);
      this.#known.unshift(record);
      await rename(join(this.#folder, NEXT_LATEST), join(this.#folder, LATEST));
      await flushFolder(this.#folder);
    } catch (error) {
      throw localFileError('name the generation', join(this.#folder, name), error);
    }
  }

  /** Removes all but the newest `keep`, and gives the names of those that are gone. One that holds what is not its own stays, and is told. */
  async prune(keep: number, warn: (message: string) => void): Promise<string[]> {
    const removed: string[] = [];
    for (const { name, files } of this.#known.slice(keep)) {
      const path = join(this.#folder, name);
      try {
        const own = new Set([...files, RECORD]);
        const foreign = (await readdir(path)).find((entry) => !own.has(entry));
        if (foreign !== undefined) {
          warn(`The old generation ${path} is not removed: ${foreign} in it is not of the export.`);
          continue;
        }
        // Killed from here on, a run leaves nothing that looks whole.
        await rename(path, join(this.#folder, removedName(name)));
        await rm(join(this.#folder, removedName(name)), { recursive: true });
        removed.push(name);
      } catch (error) {
        warn(`The old generation ${path} could not be removed: ${sentenceOf(localFileError('remove', path, error))}`);
      }
    }
    this.#known = this.#known.filter(({ name }) => !removed.includes(name));
    return removed;
  }

  async #settleLatest(): Promise<void> {
    const [newest] = this.#known;
    const link = join(this.#folder, LATEST);
    if (newest === undefined || (await readlink(link).catch(() => '')) === newest.name) return;
    await rm(join(this.#folder, NEXT_LATEST), { force: true });
    await symlink(newest.name, join(this.#folder, NEXT_LATEST));
    await rename(join(this.#folder, NEXT_LATEST), link);
  }
}

/** The folder of the newest generation of a VM, undefined when there is none. Changes nothing. */
export async function newestGeneration(folder: string, identity: string): Promise<string | undefined> {
  const names = await readdir(folder).catch((): string[] => []);
  const newest = (await knownIn(folder, names)).find((record) => record.identity === identity);
  return newest && join(folder, newest.name);
}

/** The newest first. */
async function knownIn(folder: string, names: readonly string[]): Promise<GenerationRecord[]> {
  const records = await Promise.all(names.map((name) => recordIn(folder, name)));
  return records.filter((record) => record !== undefined).toSorted((a, b) => b.number - a.number);
}

async function recordIn(folder: string, name: string): Promise<GenerationRecord | undefined> {
  if (!NAME.test(name) || !(await lstat(join(folder, name))).isDirectory()) return undefined;
  const record = parseRecord(await readFile(join(folder, name, RECORD), 'utf8').catch(() => ''));
  return record?.name === name ? record : undefined;
}

async function requireLink(path: string): Promise<void> {
  if (!(await isThere(path)) || (await lstat(path)).isSymbolicLink()) return;
  throw new Hyper2kvmError('local-file', `${path} is no link, and --keep would make one of that name.`, {
    hint: 'Move it away, or choose another --output.',
  });
}

function foreignGeneration(path: string): Hyper2kvmError {
  return new Hyper2kvmError('local-file', `${path} is a generation of another VM.`, {
    hint: 'Choose another --output, or move the generations of the other VM away.',
  });
}

async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

function parseRecord(text: string): GenerationRecord | undefined {
  try {
    const record: unknown = JSON.parse(text);
    return isRecord(record) ? record : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(record: unknown): record is GenerationRecord {
  if (typeof record !== 'object' || record === null) return false;
  const { version, name, number, identity, files }: Record<string, unknown> = { ...record };
  return (
    version === 1 &&
    typeof name === 'string' &&
    Number.isSafeInteger(number) &&
    typeof identity === 'string' &&
    Array.isArray(files) &&
    files.every((file) => typeof file === 'string' && basename(file) === file)
  );
}
