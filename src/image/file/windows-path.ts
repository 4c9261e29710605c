/**
 * Names to look for, of the paths that Windows gave a parent: relative ones as they are, of absolute ones the last part, since the machine they were good on is another one.
 * Without repetitions, the best first.
 */
export function parentNames(relative: readonly string[], absolute: readonly string[]): string[] {
  const names = [...relative.map((path) => path.replaceAll('\\', '/')), ...absolute.map(lastPart)];
  return [...new Set(names.filter((name) => name !== ''))];
}

/** True for a name with a drive or with backslashes, which Linux programs do not write into a name. */
export function isWindowsPath(name: string): boolean {
  return /^[a-z]:/i.test(name) || name.includes('\\');
}

function lastPart(path: string): string {
  return path.split(/[/\\]/).at(-1) ?? '';
}

/** Text of a fixed or padded field: it ends at the first NUL. */
export function untilNul(text: string): string {
  const [head = ''] = text.split('\0', 1);
  return head;
}
