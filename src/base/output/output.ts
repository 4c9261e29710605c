/**
 * The destination of results: a folder, a single tar, and in the future a block device.
 *
 * No file has its final name before {@link OutputSet.commit}. Until then, an implementation stores each file where
 * another run finds it after a `kill -9`: under a temporary name, or at its offset in the tar. The opener of a set ends
 * it with `commit` or `discard`.
 *
 * The interface requires neither rename nor truncation, so that a block device can implement it. In that case `path` is
 * the device, `setSize` rejects larger sizes, and `complete` and `commit` flush. Unwritten ranges within the size must
 * read as zeros there too. The claim is on the device itself.
 */
export interface OutputSet {
  /** A tar allows one open file at a time, because the size of a member is not known before its end. */
  readonly maxOpenFiles: number;
  /**
   * Starts a file with the final name `name`, which is a plain file name. A file that an earlier run left under that
   * name is replaced.
   */
  create(name: string): Promise<OutputFile>;
  /**
   * Adopts a complete file that an earlier process left, if it belongs to this user and matches the record: by size and
   * SHA-256, or by size and modification time. Otherwise removes it and returns false. Call it before any `create`, in
   * the order in which the files were written.
   */
  adopt(left: LeftFile, signal: AbortSignal): Promise<boolean>;
  /**
   * Renames the complete files to their final names, in the order of `names`, with the mode of the results.
   * @throws Hyper2kvmError kind `local-file` if a name is in use. No file has its final name then, and the caller must
   * still call `discard`.
   */
  commit(names: readonly string[]): Promise<void>;
  /**
   * Removes incomplete files; without `keepComplete`, also everything else that this set created. Does nothing after a
   * commit. Does not throw if a file no longer exists.
   */
  discard(options: { keepComplete: boolean }): Promise<void>;
}

/**
 * One file of a set while it is written. End it with `complete` or `discard`. Errors have kind `local-file` and contain
 * `path`.
 */
export interface OutputFile {
  readonly name: string;
  /** The current path of the file: for messages, and for programs that read or modify it after it is complete. */
  readonly path: string;
  /** Appends a chunk. Resolves when there is room for more; the caller can then reuse the chunk. */
  append(chunk: Uint8Array): Promise<void>;
  /**
   * Writes at an offset of this file, in any order and concurrently. Cannot be combined with `append`. The bytes must
   * not change before it resolves.
   */
  write(bytes: Uint8Array, offsetBytes: number): Promise<void>;
  /** Sets the size. Unwritten ranges within it read as zeros. */
  setSize(sizeBytes: number): Promise<void>;
  /** Flushes the file to disk. It is then complete, and another run can adopt it. */
  complete(): Promise<CompleteFile>;
  /** Removes the file, also after `complete`. */
  discard(): Promise<void>;
}

/** A file that a later run, or a later attempt, can continue. */
export interface ContinuedFile extends OutputFile {
  /** Fills `target` with bytes that were written before. Returns false if the file ends earlier. */
  read(target: Uint8Array, offsetBytes: number): Promise<boolean>;
  /** Flushes what was written so far to disk. */
  flush(): Promise<void>;
  /** Closes the file and keeps it under its partial name. */
  suspend(): Promise<void>;
}

export interface CompleteFile {
  sizeBytes: number;
  /** Modification time in ms since 1970. */
  modifiedMs: number;
  /** In a tar: offset of the member's header. */
  offsetBytes?: number;
}

/** A complete file, as recorded by an earlier run. */
export interface LeftFile {
  name: string;
  sizeBytes: number;
  /** Hash of the content, in hex. Ignored if `modifiedMs` is set. */
  sha256: string;
  /** For a file whose content has no recorded hash. */
  modifiedMs?: number;
  /** In a tar: offset of the member's header. */
  offsetBytes?: number;
}
