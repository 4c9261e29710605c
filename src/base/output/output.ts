/**
 * Where results go: a folder, one tar, and later a block device.
 *
 * Nothing is under a final name before {@link OutputSet.commit}. Until then an implementation keeps each file where another run finds it again after a `kill -9`: under a temporary name, or at
 * its place in the tar. Whoever opens a set ends it with `commit` or `discard`.
 *
 * The interface asks for no rename and no truncation, so that a block device can implement it: `path` is the device, `setSize` refuses what is larger, `complete` and `commit` flush,
 * and what nobody wrote within the size must read as zeros there too. Its claim is the device itself.
 */
export interface OutputSet {
  /** A tar takes one file at a time, since the size of a member is not known before its end. */
  readonly maxOpenFiles: number;
  /** Begins a file with the final name `name`, which is plain. What an earlier run left under it is replaced. */
  create(name: string): Promise<OutputFile>;
  /**
   * Takes over a complete file that an earlier process left, if it is as recorded and this user's own: by size and SHA-256, or by size and time of change. False, with the leftover
   * removed, if not. Called before any `create`, in the order in which the files were written.
   */
  adopt(left: LeftFile, signal: AbortSignal): Promise<boolean>;
  /**
   * Gives the complete files their final names, in the order of `names`, with the mode of the results. Throws kind `local-file` when a name is taken: then no file has its final
   * name, and `discard` is still to come.
   */
  commit(names: readonly string[]): Promise<void>;
  /** Removes what is not complete, and without `keepComplete` everything that this set made. Does nothing after a commit. Never throws because a file is gone already. */
  discard(options: { keepComplete: boolean }): Promise<void>;
}

/** One file of a set while it is written. Ended by `complete` or `discard`. Errors are of kind `local-file` and name `path`. */
export interface OutputFile {
  readonly name: string;
  /** Where its bytes are now: for messages, and for programs that are to read or change it once it is complete. */
  readonly path: string;
  /** Writes after what was appended before. Resolves when there is room for more; the caller may use the chunk again then. */
  append(chunk: Uint8Array): Promise<void>;
  /** Writes at an offset of this file, in any order, several at a time. Not mixed with `append`. The bytes must not change before it resolves. */
  write(bytes: Uint8Array, offsetBytes: number): Promise<void>;
  /** What is within the size and was not written reads as zeros. */
  setSize(sizeBytes: number): Promise<void>;
  /** Flushes to the disk. The file is complete then, and can be adopted by another run. */
  complete(): Promise<CompleteFile>;
  /** Removes it, after `complete` too. */
  discard(): Promise<void>;
}

export interface CompleteFile {
  sizeBytes: number;
  /** When it was last written to, in ms since 1970. */
  modifiedMs: number;
  /** In a tar: where the header of the member is. */
  offsetBytes?: number;
}

/** A complete file as an earlier run recorded it. */
export interface LeftFile {
  name: string;
  sizeBytes: number;
  /** Hex, of the content. Not looked at where there is a `modifiedMs`. */
  sha256: string;
  /** For a file whose content has no recorded hash. */
  modifiedMs?: number;
  /** In a tar: where the header of the member is. */
  offsetBytes?: number;
}
