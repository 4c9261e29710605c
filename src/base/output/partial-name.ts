/** What follows a final name until the file gets it. This file alone knows it. */
const PARTIAL_SUFFIX = '.partial';

/** Where the file that is to be at `path` is until it is committed; the same for a name. */
export function partialPath(path: string): string {
  return path + PARTIAL_SUFFIX;
}

/** The final name, or path, of a partial one; undefined for any other. */
export function finalNameOf(partial: string): string | undefined {
  return partial.endsWith(PARTIAL_SUFFIX) ? partial.slice(0, -PARTIAL_SUFFIX.length) : undefined;
}

/** A name and its partial one: what the file system must be able to hold. */
export function bothNames(name: string): [string, string] {
  return [name, partialPath(name)];
}
