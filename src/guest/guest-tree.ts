/**
 * The files of a guest, read-only. Paths are absolute and relative to the guest's root; symbolic links are resolved
 * inside the guest. Text is Latin-1, one character per byte, so that its bytes are preserved in any encoding.
 */
export interface GuestTree {
  /**
   * The text of a regular file, or of a link's target; undefined if there is none.
   * @throws if it is longer than a configuration file.
   */
  read(path: string): Promise<string | undefined>;
  /**
   * The bytes of a regular file, such as an initramfs; undefined if there is none.
   * @throws if it is longer than `mostBytes`.
   */
  readBytes(path: string, mostBytes: number): Promise<Buffer | undefined>;
  /** True for a regular file, or a link to one. */
  isFile(path: string): Promise<boolean>;
  /** True for a folder, or a link to one. */
  isFolder(path: string): Promise<boolean>;
  /** The sorted names in a folder; an empty list if there is no such folder. */
  list(folder: string): Promise<string[]>;
  /** The paths of the entries directly in `folder` whose name matches. */
  find(folder: string, name: RegExp): Promise<string[]>;
  /** The target of a symbolic link, as written; undefined if the path is not a link. */
  linkTarget(path: string): Promise<string | undefined>;
  /** The path without symbolic links; the path itself if its target does not exist. */
  realPath(path: string): Promise<string>;
}
