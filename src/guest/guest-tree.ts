/**
 * The files of a guest, read-only. Paths are absolute and the guest's own; symbolic links are resolved inside the guest. A text is Latin-1, one
 * character per byte, so that its bytes are kept whatever the encoding is.
 */
export interface GuestTree {
  /** The text of a regular file, or of the file that a link leads to; undefined if there is none. Throws if it is longer than a configuration file. */
  read(path: string): Promise<string | undefined>;
  /** The bytes of a regular file, such as an initramfs; undefined if there is none. Throws if it is longer than `mostBytes`. */
  readBytes(path: string, mostBytes: number): Promise<Buffer | undefined>;
  /** True for a regular file, or a link to one. */
  isFile(path: string): Promise<boolean>;
  /** True for a folder, or a link to one. */
  isFolder(path: string): Promise<boolean>;
  /** The sorted names in a folder; an empty list if there is no such folder. */
  list(folder: string): Promise<string[]>;
  /** The paths of the entries directly in `folder` whose name matches. */
  find(folder: string, name: RegExp): Promise<string[]>;
  /** The target of a symbolic link as it is written; undefined if the path is not a link. */
  linkTarget(path: string): Promise<string | undefined>;
  /** The path without symbolic links; the path itself if it leads nowhere. */
  realPath(path: string): Promise<string>;
}
