import { lstat, readdir, readlink, rename, rm, rmdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { flushFolder, writeFileAtomically } from '../../../base/files/atomic-file.ts';
import { compactTime } from '../../../base/text/compact-time.ts';
import { Hyper2kvmError, sentenceOf } from '../../../base/errors.ts';
import { localFileError } from '../../../base/files/local-file-error.ts';
import { makeFolder } from '../../../base/files/make-folder.ts';
import { readOwnFile } from '../../../base/files/own-file.ts';
import { finalNameOf } from '../../../base/output/partial-name.ts';
import { recordText } from '../../../base/records/read-record.ts';
import { generationsIn, GENERATION_RECORD, type GenerationRecord } from './generation-record.ts';

/** The name of a generation while it is being removed. */
const removedName = (name: string): string => `.${name}.hyper2kvm-removed`;
const REMOVED = /^\.\d{8}T\d{6}Z\.hyper2kvm-removed$/;
const UNFINISHED = '.hyper2kvm-unfinished';
const LATEST = 'latest';
const NEXT_LATEST = '.latest.hyper2kvm-next';

/**
 * The margin by which a name may be later than the clock, which happens when several runs begin within a second. A
 * later name came from a different clock.
 */
const MOST_AHEAD_MS = 10_000;

/** Returns the name for a generation that begins now in `folder`: not in use there, and later than those of the preceding runs. */
export async function freeGenerationName(folder: string, now: Date): Promise<string> {
  // The folder does not exist yet or cannot be read. The run reports the latter when it looks for older generations.
  const names = await readdir(folder).catch((): string[] => []);
  for (let ms = now.valueOf(); ; ms += 1000) {
    const [name, furthest] = [compactTime(new Date(ms)), compactTime(new Date(ms + MOST_AHEAD_MS))];
    if (!names.some((known) => known >= name && known <= furthest)) return name;
  }
}

/**
 * The complete exports of one VM, each in its own folder, and the link `latest` to the newest. The caller must hold the
 * lock on the parent folder. A new generation is created in a hidden folder, which the next run continues if this one
 * fails. It appears under its name with all its files at once.
 */
export class Generations {
  readonly #folder: string;
  readonly #identity: string;
  /** Newest first. */
  #known: GenerationRecord[];

  private constructor(folder: string, identity: string, known: GenerationRecord[]) {
    this.#folder = folder;
    this.#identity = identity;
    this.#known = known;
  }

  /**
   * Finds the generations in `folder` and finishes the interrupted work of a killed run: a removal, or the move of the
   * link.
   * @throws Hyper2kvmError `local-file` when they belong to another VM, or when something else has the name of the
   * link.
   */
  static async open(folder: string, identity: string): Promise<Generations> {
    try {
      const names = await readdir(folder);
      const known = await generationsIn(folder, names);
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

  /** The folder of the newest generation; undefined when there is none. */
  get newest(): string | undefined {
    const [newest] = this.#known;
    return newest && join(this.#folder, newest.name);
  }

  /** The folder in which a generation is created. */
  get unfinished(): string {
    return join(this.#folder, UNFINISHED);
  }

  get names(): string[] {
    return this.#known.map(({ name }) => name);
  }

  /**
   * Creates the folder for generation `name`, and its link. Creating the link first detects a file system without
   * symbolic links before the download.
   */
  async begin(name: string): Promise<string> {
    const unfinished = join(this.#folder, UNFINISHED);
    const link = join(this.#folder, NEXT_LATEST);
    try {
      await makeFolder(unfinished);
      // A link could lead to another user's folder.
      if (!(await lstat(unfinished)).isDirectory()) throw linked(unfinished);
      // Files with final names: a killed run had not yet given the generation its name. It is unknown which of them are complete.
      const left = (await readdir(unfinished)).filter(
        (entry) => !entry.startsWith('.') && finalNameOf(entry) === undefined,
      );
      for (const entry of left) await rm(join(unfinished, entry), { recursive: true });
      await rm(link, { force: true });
      await symlink(name, link);
    } catch (error) {
      throw localFileError('prepare a generation in', this.#folder, error);
    }
    return unfinished;
  }

  /** Ends a generation that was not completed. Keeps the files that the next run can continue with. Never throws. */
  async abandon(): Promise<void> {
    await rm(join(this.#folder, NEXT_LATEST), { force: true }).catch(() => {});
    // Fails on a folder that is not empty, which stays.
    await rmdir(join(this.#folder, UNFINISHED)).catch(() => {});
  }

  /**
   * Gives the generation from {@link begin} its name and moves the link to it. `files` are all files of the generation.
   * The file `carried`, if present, stays for the next generation.
   */
  async add(
    name: string,
    { job, files, carried }: { job: string; files: readonly string[]; carried: string },
  ): Promise<void> {
    const unfinished = join(this.#folder, UNFINISHED);
    const number = (this.#known[0]?.number ?? 0) + 1;
    const record: GenerationRecord = { name, number, identity: this.#identity, job, files: [...files] };
    try {
      const carriedText = await readOwnFile(join(unfinished, carried)).catch(() => undefined);
      for (const stray of await readdir(unfinished)) {
        if (!files.includes(stray)) await rm(join(unfinished, stray), { recursive: true });
      }
      await writeFileAtomically(join(unfinished, GENERATION_RECORD), recordText(record));
      await rename(unfinished, join(this.#folder, name));
      if (carriedText !== undefined) {
        await makeFolder(unfinished);
        await writeFileAtomically(join(unfinished, carried), carriedText);
      }
      await flushFolder(this.#folder);
      this.#known.unshift(record);
      await rename(join(this.#folder, NEXT_LATEST), join(this.#folder, LATEST));
      await flushFolder(this.#folder);
    } catch (error) {
      throw localFileError('name the generation', join(this.#folder, name), error);
    }
  }

  /**
   * Removes all generations but the newest `keep`, and returns the names of the removed ones. A generation that
   * contains other files stays, with a warning.
   */
  async prune(keep: number, warn: (message: string) => void): Promise<string[]> {
    const removed: string[] = [];
    for (const { name, files } of this.#known.slice(keep)) {
      const path = join(this.#folder, name);
      try {
        const own = new Set([...files, GENERATION_RECORD]);
        const foreign = (await readdir(path)).find((entry) => !own.has(entry));
        if (foreign !== undefined) {
          warn(`The old generation ${path} is not removed: ${foreign} in it does not belong to the export.`);
          continue;
        }
        // If the run is killed after this, nothing that remains looks complete.
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

async function requireLink(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined || found.isSymbolicLink()) return;
  throw new Hyper2kvmError('local-file', `${path} is not a link, but --keep needs a link of that name.`, {
    hint: 'Move it, or choose another --output.',
  });
}

function linked(path: string): Hyper2kvmError {
  return new Hyper2kvmError('local-file', `${path} is not a folder.`, { hint: 'Move it.' });
}

function foreignGeneration(path: string): Hyper2kvmError {
  return new Hyper2kvmError('local-file', `${path} is a generation of another VM.`, {
    hint: 'Choose another --output, or move the generations of the other VM away.',
  });
}
