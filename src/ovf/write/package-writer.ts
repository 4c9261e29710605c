/**
 * The destination of an export's files: a folder, or a single OVA tar.
 *
 * No file has its final name before {@link PackageWriter.finish}. Until then, a member is stored in a `.partial` file.
 * The creator of a writer ends it with either `finish` or `discard`.
 */
export interface PackageWriter {
  /**
   * Number of members that can be open for writing at once. A tar allows one, because the size of a member is not known
   * before its end.
   */
  readonly maxOpenMembers: number;

  /**
   * Opens a member for writing. `name` is a plain file name. A second call with the same name restarts that member; the
   * first one must have been discarded.
   */
  openMember(name: string, hints: MemberHints): Promise<MemberWriter>;

  /**
   * Adopts a complete member that an earlier process left, after reading it back. Returns true if its size and SHA-256
   * match `record`; otherwise removes it and returns false. Call it before any `openMember`, in the order in which the
   * members were written.
   */
  adoptMember(record: MemberRecord, signal: AbortSignal): Promise<boolean>;

  /**
   * Writes the descriptor, if there is one, and the manifest, which covers the descriptor and all complete members.
   * Then flushes, and renames every file to its final name, the descriptor last. Returns the final files in order.
   * The writer cannot be used afterwards. An abort of `signal` stops long operations before the first rename.
   * @throws Hyper2kvmError kind `local-file` if a final name is in use (without `force`). No file has its final name
   * then, and the caller must still call `discard`.
   */
  finish(content: PackageContent, signal?: AbortSignal): Promise<PackageFile[]>;

  /**
   * Removes incomplete members. With `keepWhole`, complete members are kept as `.partial` for a later `adoptMember`;
   * without it, everything that this writer created is removed. Does not throw if a file no longer exists.
   */
  discard(options: { keepComplete: boolean }): Promise<void>;
}

/** One open file of a package. End it with either `commit` or `discard`. */
export interface MemberWriter {
  /**
   * The written data can be verified only by the server's hash. Without one it must be removed with `discard`, even
   * after `commit`.
   */
  readonly restsOnHash: boolean;
  /**
   * Resolves when the writer can accept more data; the caller waits for that before the next chunk. The caller must not
   * reuse the chunk earlier.
   */
  write(chunk: Uint8Array): Promise<void>;
  /**
   * Flushes to disk and marks the member as complete. `sha256` is the caller's hash (hex) over all bytes that it wrote.
   */
  commit(sha256: string): Promise<MemberRecord>;
  /** Discards the written data. */
  discard(): Promise<void>;
}

/** The information about a member that is known before its first byte. */
export interface MemberHints {
  isDisk: boolean;
  /** Capacity of the disk according to the VM's hardware configuration. */
  capacityBytes: number;
  /**
   * The server announces that it will return a hash of the data. The downloader waits for it before it treats a member
   * with `restsOnHash` as complete.
   */
  hashedByServer: boolean;
  /** The disk can be read from any place on, so that an interrupted image can be continued. */
  isRandomAccess?: boolean;
}

/** A complete member, as stored in the resume record. */
export interface MemberRecord {
  name: string;
  sizeBytes: number;
  /** Hexadecimal. */
  sha256: string;
  /** For an image converted from the stream: its modification time, because `sha256` is the hash of the stream. */
  modifiedMs?: number;
  /** In an OVA: offset of the member's header in the tar, which `adoptMember` needs. */
  offsetBytes?: number;
}

export interface PackageContent {
  /** The text of the OVF descriptor; undefined for an export of disks only, which an OVA does not support. */
  descriptor: string | undefined;
  /**
   * Called and awaited when all files are complete and flushed, before the first one is renamed to its final name.
   * `finish` passes its errors on.
   */
  beforeNames?: (files: readonly PackageFile[]) => Promise<void>;
}

export interface PackageFile {
  path: string;
  sizeBytes: number;
  /**
   * Hexadecimal. Absent for an OVA, because its start is written last. The manifest contains the hashes of all files in
   * it.
   */
  sha256?: string;
}
