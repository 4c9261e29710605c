import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import type { Guest } from './guest.ts';

/** The purpose of a change. */
export const FIX_NAMES = [
  'storage-names',
  'volumes',
  'boot-loader',
  'serial-console',
  'network',
  'vmware',
  'initramfs',
  'selinux',
  'windows-drivers',
  'guest-agent',
  'customize',
] as const;
export type FixName = (typeof FIX_NAMES)[number];

/** One change in the guest, as reports show it. */
export interface Change {
  fix: FixName;
  action: 'create' | 'edit' | 'remove' | 'run';
  /** The file; for a command, the file that it creates. */
  path: string;
  /** What is changed, one line each. */
  details: readonly string[];
  /** The path of the original file's backup inside the guest. */
  backup?: string | undefined;
}

/** A NIC with the static addresses in the guest's configuration. */
export interface ConfiguredNic {
  /** Lower case, with colons. */
  mac: string;
  name?: string | undefined;
  /** IPv4 and IPv6, without prefix lengths. */
  addresses: string[];
}

/** One kind of fix. It only plans: it reads the guest and records the changes in the draft. */
export interface Fix {
  name: FixName;
  /**
   * Must not write to the guest. Sees the files as earlier fixes leave them. Problems that it cannot fix are reported
   * with {@link GuestDraft.warn} or {@link GuestDraft.obstruct}.
   */
  plan(guest: Guest, draft: GuestDraft): Promise<void>;
}

/** The folder for original files inside the guest. */
export const BACKUP_FOLDER = '/var/lib/hyper2kvm/backup';

interface Edit {
  fixes: { fix: FixName; details: string[] }[];
  /** Undefined: the file did not exist. */
  before: string | undefined;
  /** Undefined: the file is removed. */
  after: string | undefined;
  mode: number;
}

interface Run {
  change: Change;
  apply: (guest: Guest) => Promise<void>;
}

/**
 * The planned changes to a guest. Fixes add to it one after the other and read through it, so that two fixes of the
 * same file build on each other. {@link GuestDraft.apply} makes the changes: files first, in the order of drafting,
 * then the commands.
 */
export class GuestDraft {
  readonly warnings: string[] = [];
  /** Sentences about why the guest will not start on virtio even after all changes. */
  readonly obstacles: string[] = [];
  /** The static addresses of the guest's NICs in its changed configuration. */
  configuredNics: readonly ConfiguredNic[] = [];
  readonly #guest: Guest;
  readonly #edits = new Map<string, Edit>();
  readonly #runs: Run[] = [];
  readonly #recorded: Change[] = [];
  readonly #realPaths = new Map<string, string>();

  constructor(guest: Guest) {
    this.#guest = guest;
  }

  /** The text of a file after the drafted changes; undefined if the file does not exist, or is drafted for removal. */
  async read(path: string): Promise<string | undefined> {
    const real = await this.#realPath(path);
    const edit = this.#edits.get(real);
    return edit ? edit.after : await this.#guest.files.read(real);
  }

  /** Drafts the text of a file. Has no effect if the file already has that text. `mode` applies to a new file. */
  async write(fix: FixName, path: string, text: string, details: readonly string[], mode = 0o644): Promise<void> {
    await this.#draft(fix, path, text, details, mode);
  }

  /** Drafts the removal of a file, which stays in the backup. */
  async remove(fix: FixName, path: string, details: readonly string[]): Promise<void> {
    await this.#draft(fix, path, undefined, details, 0o644);
  }

  /** Drafts the removal of a link, but not of its target. */
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

  /** Drafts a copy of a guest file of any size to a path that does not exist. */
  copy(fix: FixName, from: string, to: string): void {
    const change = { fix, action: 'create', path: to, details: [`copied from ${from}`] } as const;
    this.#runs.push({ change, apply: ({ files }) => files.copyContent(from, to) });
  }

  /** Drafts a command that runs after all file changes. */
  run(change: Omit<Change, 'action'>, apply: (guest: Guest) => Promise<void>): void {
    this.#runs.push({ change: { ...change, action: 'run' }, apply });
  }

  /** Adds a change that a command made or caused, and that is known only after it has run. */
  record(change: Change): void {
    this.#recorded.push(change);
  }

  /** Reports something in the guest that is not fixed and that the user should know. */
  warn(message: string): void {
    if (!this.warnings.includes(message)) this.warnings.push(message);
  }

  /** Reports something that prevents the guest from starting on virtio and that is not fixed. */
  obstruct(message: string): void {
    if (!this.obstacles.includes(message)) this.obstacles.push(message);
  }

  /** The paths of files that differ from before. */
  editedPaths(): string[] {
    return [...this.#edits].filter(([, { before, after }]) => before !== after).map(([path]) => path);
  }

  /**
   * All changes, in the order in which they are made; after {@link GuestDraft.apply} including those of the commands.
   */
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

  /** Makes all changes in the guest, which must be mounted for writing. `onChange` is called before each change. */
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

  /** A file with several names through links is one file. */
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

/**
 * The file's own path inside the backup folder, with a piece of its content hash, so that a later fix of a modified
 * file overwrites nothing.
 */
function backupPath(path: string, text: string): string {
  const hash = createHash('sha256').update(text, 'latin1').digest('hex').slice(0, 8);
  return posix.join(BACKUP_FOLDER, `${path}.${hash}`);
}
