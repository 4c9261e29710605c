/**
 * Where the files of one export go: a folder, or one OVA tar.
 *
 * Nothing stands under a final name before {@link PackageWriter.finish}: until then a member lives in a `.partial`
 * file. Whoever creates a writer ends it with either `finish` or `discard`.
 */
export interface PackageWriter {
  /** Members that may be open for writing at once: a tar takes one, since a member's size is not known before its end. */
  readonly maxOpenMembers: number;

  /**
   * Opens a member for writing. `name` is a plain file name; a second call with the same name starts that member again
   * from nothing (the first one must have been discarded).
   */
  openMember(name: string, hints: MemberHints): Promise<MemberWriter>;

  /**
   * Takes over a whole member that an earlier process left, after reading it back: true when its size and SHA-256 are
   * those of `record`, false (and the leftover removed) when not. Called before any `openMember`, in the order in which
   * the members were written.
   */
  adoptMember(record: MemberRecord, signal: AbortSignal): Promise<boolean>;

  /**
   * Writes the descriptor (when there is one) and the manifest over it and all whole members, flushes, and gives every
   * file its final name, the descriptor last. Returns the final files in order. The writer is over after that.
   * Throws kind `local-file` when a final name is taken (without `force`): then no file has its final name, and `discard` is
   * still to come. An abort of `signal` stops what takes long, before the first rename.
   */
  finish(content: PackageContent, signal?: AbortSignal): Promise<PackageFile[]>;

  /**
   * Removes what is not whole; with `keepWhole`, members that are whole stay as `.partial` for a later `adoptMember`, without it
   * everything that this writer made is removed. Never throws because a file is gone already.
   */
  discard(options: { keepWhole: boolean }): Promise<void>;
}

/** One open file of a package. Ended by either `commit` or `discard`. */
export interface MemberWriter {
  /** What was written is proved by the server's hash alone: without one it must be taken back by `discard`, after `commit` too. */
  readonly restsOnHash: boolean;
  /** Resolves when the writer can take more: the caller awaits it before the next chunk. The chunk may not be reused before that. */
  write(chunk: Uint8Array): Promise<void>;
  /** Flushes to the disk and marks the member whole. `sha256` is the caller's hash (hex) over all that it wrote. */
  commit(sha256: string): Promise<MemberRecord>;
  /** Forgets what was written. */
  discard(): Promise<void>;
}

/** What is known of a member before its first byte. */
export interface MemberHints {
  isDisk: boolean;
  /** Of a disk, by the VM's hardware. */
  capacityBytes: number;
  /** The server says that it gives a hash of what it sends: whoever fetches waits for it before a member that `restsOnHash` counts as whole. */
  hashedByServer: boolean;
}

/** A whole member, as the resume record keeps it. */
export interface MemberRecord {
  name: string;
  sizeBytes: number;
  /** Hex. */
  sha256: string;
  /** Of an image made from the stream: when it was written, since `sha256` is that of the stream. */
  modifiedMs?: number;
  /** In an OVA: where the member's header stands in the tar, which `adoptMember` needs. */
  offsetBytes?: number;
}

export interface PackageContent {
  /** The OVF descriptor's text; undefined for an export of bare disks, which an OVA cannot be. */
  descriptor: string | undefined;
  /** Waited for when all files are whole and flushed, before the first of them gets its final name. What it throws, `finish` throws. */
  beforeNames?: (files: readonly PackageFile[]) => Promise<void>;
}

export interface PackageFile {
  path: string;
  sizeBytes: number;
  /** Hex. Absent for an OVA, whose start is written last: its manifest holds the hashes of all that is in it. */
  sha256?: string;
}
