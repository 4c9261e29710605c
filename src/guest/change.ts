import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import type { Guest } from './guest.ts';
import type { ConfiguredNic } from './linux/network/configured-addresses.ts';

/** What a change is for. */
export const FIX_NAMES = [
  'storage-names',
  'volumes',
  'boot-loader',
  'network',
  'vmware',
  'initramfs',
  'selinux',
  'windows-drivers',
] as const;
export type FixName = (typeof FIX_NAMES)[number];

/** One thing that is changed in the guest, as reports show it. */
export interface Change {
  fix: FixName;
  action: 'create' | 'edit' | 'remove' | 'run';
  /** The file; of a run what it makes anew. */
  path: string;
  /** What becomes of it, in the field's words: a line each. */
  details: readonly string[];
  /** Where the file as it was is kept inside the guest. */
  backup?: string | undefined;
}

/** One kind of mending. It only plans: it reads the guest, and tells the draft what has to become of it. */
export interface Fix {
  name: FixName;
  /** Must not write to the guest. Sees the files as the fixes before it leave them. What it cannot mend it says by {@link GuestDraft.warn} or {@link GuestDraft.obstruct}. */
  plan(guest: Guest, draft: GuestDraft): Promise<void>;
}

/** Where files are kept as they were, inside the guest. */
export const BACKUP_FOLDER = '/var/lib/hyper2kvm/backup';

interface Edit {
  fixes: { fix: FixName; details: string[] }[];
  /** Undefined: there was no such file. */
  before: string | undefined;
  /** Undefined: it is removed. */
  after: string | undefined;
  mode: number;
}

interface Run {
  change: Change;
  apply: (guest: Guest) => Promise<void>;
}

/**
 * What is to be changed in a guest, before any of it is. Fixes write into it one after the other; each reads through it, so that two that change the
 * same file build on each other. {@link GuestDraft.apply} then does it: files first, in the order of their drafting, then the runs.
 */
export class GuestDraft {
  readonly warnings: string[] = [];
  /** Why the guest will not start on virtio even when all is changed: sentences. */
  readonly obstacles: string[] = [];
  /** The static addresses of the guest's NICs, as its configuration will have them. */
  configuredNics: readonly ConfiguredNic[] = [];
  readonly #guest: Guest;
  readonly #edits = new Map<string, Edit>();
  readonly #runs: Run[] = [];
  readonly #recorded: Change[] = [];
  readonly #realPaths = new Map<string, string>();

  constructor(guest: Guest) {
    this.#guest = guest;
  }

  /** A text as it will be; undefined for a file that is not there, or will not be. */
  async read(path: string): Promise<string | undefined> {
    const real = await this.#realPath(path);
    const edit = this.#edits.get(real);
    return edit ? edit.after : await this.#guest.files.read(real);
  }

  /** Drafts the text of a file. Nothing is drafted when it has that text already. `mode` counts for a new file. */
  async write(fix: FixName, path: string, text: string, details: readonly string[], mode = 0o644): Promise<void> {
    await this.#draft(fix, path, text, details, mode);
  }

  /** Drafts that a file goes. It stays in the backup. */
  async remove(fix: FixName, path: string, details: readonly string[]): Promise<void> {
    await this.#draft(fix, path, undefined, details, 0o644);
  }

  /** Drafts that a link goes, and not what it leads to. */
  unlink(fix: FixName, path: string, details: readonly string[]): void {
    const backup = posix.join(BACKUP_FOLDER, path);
    const change = { fix, action: 'remove', path, details, backup } as const;
    this.#runs.push({
      change,
      apply: async ({ files }) => {
        await files.copy(path, backup);
        await files.remove(path);
      },
    });
  }

  /** Drafts a copy of a file of the guest, of any size, to a place where none is. */
  copy(fix: FixName, from: string, to: string): void {
    const change = { fix, action: 'create', path: to, details: [`copied from ${from}`] } as const;
    this.#runs.push({ change, apply: ({ files }) => files.copyContent(from, to) });
  }

  /** Drafts a command that runs when all files are as drafted. */
  run(change: Omit<Change, 'action'>, apply: (guest: Guest) => Promise<void>): void {
    this.#runs.push({ change: { ...change, action: 'run' }, apply });
  }

  /** Adds a change that a command made, or that came after it: known only once it has run. */
  record(change: Change): void {
    this.#recorded.push(change);
  }

  /** Something of the guest that is not mended, and that a person should know. */
  warn(message: string): void {
    if (!this.warnings.includes(message)) this.warnings.push(message);
  }

  /** Something that keeps the guest from starting on virtio, and that is not mended. */
  obstruct(message: string): void {
    if (!this.obstacles.includes(message)) this.obstacles.push(message);
  }

  /** The paths of files that are other than before. */
  editedPaths(): string[] {
    return [...this.#edits].filter(([, { before, after }]) => before !== after).map(([path]) => path);
  }

  /** All changes, in the order in which they are made; after {@link GuestDraft.apply} with what its commands changed. */
  changes(): Change[] {
    const edits = [...this.#edits].filter(([, { before, after }]) => before !== after);
    const files = edits.flatMap(([path, { fixes, before, after }]) =>
      fixes.map(({ fix, details }) => {
        const action = after === undefined ? 'remove' : before === undefined ? 'create' : 'edit';
        return {
          fix,
          action,
          path,
          details,
          backup: before === undefined ? undefined : backupPath(path, before),
        } as const;
      }),
    );
    return [...files, ...this.#runs.map(({ change }) => change), ...this.#recorded];
  }

  /** Makes all changes in the guest, which is mounted for writing. `onChange` is told before each. */
  async apply(onChange: (change: Change) => void): Promise<void> {
    const { files } = this.#guest;
    for (const change of this.changes()) {
      if (this.#runs.some((run) => run.change === change)) continue;
      onChange(change);
      if (change.backup !== undefined && !(await files.exists(change.backup)))
        await files.copy(change.path, change.backup);
    }
    for (const [path, { before, after, mode }] of this.#edits) {
      if (before === after) continue;
      if (after === undefined) await files.remove(path);
      else await files.write(path, after, mode);
    }
    for (const { change, apply } of this.#runs) {
      onChange(change);
      await apply(this.#guest);
    }
  }

  /** A file that has several names by links is one file. */
  async #realPath(path: string): Promise<string> {
    const known = this.#realPaths.get(path) ?? (await this.#guest.files.realPath(path));
    this.#realPaths.set(path, known);
    return known;
  }

  async #draft(
    fix: FixName,
    linked: string,
    after: string | undefined,
    details: readonly string[],
    mode: number,
  ): Promise<void> {
    const path = await this.#realPath(linked);
    const known = this.#edits.get(path);
    const edit = known ?? { fixes: [], before: await this.#guest.files.read(path), after: undefined, mode };
    if ((known ? known.after : edit.before) === after) return;
    edit.after = after;
    const own = edit.fixes.find((entry) => entry.fix === fix);
    if (own) own.details.push(...details);
    else edit.fixes.push({ fix, details: [...details] });
    this.#edits.set(path, edit);
  }
}

/** Below the backup folder under its own path; with a piece of its hash, so that a later fix of a file that was changed again overwrites nothing. */
function backupPath(path: string, text: string): string {
  const hash = createHash('sha256').update(text, 'latin1').digest('hex').slice(0, 8);
  return posix.join(BACKUP_FOLDER, `${path}.${hash}`);
}
