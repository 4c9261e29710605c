/** Suffix of a file before it gets its final name. Only this module uses it. */
const PARTIAL_SUFFIX = '.partial';

/** Returns the partial path for a final path; also accepts a file name. */
export function partialPath(path: string): string {
  return path + PARTIAL_SUFFIX;
}

/** Returns the final name or path for a partial one; undefined for any other. */
export function finalNameOf(partial: string): string | undefined {
  return partial.endsWith(PARTIAL_SUFFIX) ? partial.slice(0, -PARTIAL_SUFFIX.length) : undefined;
}

/** A final name and its partial name, both of which the file system must support. */
export function bothNames(name: string): [string, string] {
  return [name, partialPath(name)];
}
