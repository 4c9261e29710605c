/**
 * Returns the file names to try for the parent paths that Windows recorded, best first and without duplicates. Relative
 * paths are kept. Only the last component of an absolute path is used, because the path belongs to another host.
 */
export function parentNames(relative: readonly string[], absolute: readonly string[]): string[] {
  const names = [...relative.map((path) => path.replaceAll('\\', '/')), ...absolute.map(lastPart)];
  return [...new Set(names.filter((name) => name !== ''))];
}

/** Returns true for a name with a drive letter or backslashes, which Linux programs do not write. */
export function isWindowsPath(name: string): boolean {
  return /^[a-z]:/i.test(name) || name.includes('\\');
}

function lastPart(path: string): string {
  return path.split(/[/\\]/).at(-1) ?? '';
}

/** Returns the text of a fixed-size or padded field up to its first NUL. */
export function untilNul(text: string): string {
  const [head = ''] = text.split('\0', 1);
  return head;
}
