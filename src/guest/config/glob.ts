/** One element of a pattern: any run of characters, or one character of a set. */
type Part = 'run' | ((character: string) => boolean);

/** No device or interface name is longer. */
const MOST_CHARACTERS = 4096;

/**
 * The fnmatch(3) patterns of udev, mdadm, systemd and netplan: `*`, `?`, `[...]`, `[!...]`. In a `path`, `*` and `?`
 * do not match a slash. Backtracking is limited to the last `*`, so that no pattern takes long.
 */
export function matchesGlob(glob: string, text: string, kind: 'text' | 'path' = 'text'): boolean {
  if (glob.length > MOST_CHARACTERS || text.length > MOST_CHARACTERS) return false;
  const parts = readParts(glob, kind);
  let part = 0;
  let at = 0;
  let lastRun = -1;
  let runEnd = 0;
  while (at < text.length) {
    const character = text[at] ?? '';
    const each = parts[part];
    if (each === 'run') {
      lastRun = part;
      runEnd = at;
      part += 1;
    } else if (each?.(character)) {
      part += 1;
      at += 1;
    } else if (lastRun >= 0 && isAny(text[runEnd] ?? '', kind)) {
      runEnd += 1;
      part = lastRun + 1;
      at = runEnd;
    } else {
      return false;
    }
  }
  return parts.slice(part).every((each) => each === 'run');
}

/** True if one of the alternatives matches. They are separated by `|`, as in udev rules. */
export function matchesAlternatives(pattern: string, text: string): boolean {
  return pattern.split('|').some((glob) => matchesGlob(glob, text));
}

function readParts(glob: string, kind: 'text' | 'path'): Part[] {
  return [...glob.matchAll(/\[([!^]?)(\]?[^\]]*)\]|\\?([\s\S])/g)].map(
    ([whole, negated, set, character = '']): Part => {
      if (set !== undefined) {
        const members = membersOf(set);
        return (each) => members(each) !== (negated !== '') && isAny(each, kind);
      }
      if (whole === '*') return 'run';
      if (whole === '?') return (each) => isAny(each, kind);
      return (each) => each === character;
    },
  );
}

/** `a-z` is a range. */
function membersOf(set: string): (character: string) => boolean {
  const ranges = [...set.matchAll(/([\s\S])-([\s\S])|([\s\S])/g)].map(([, from, to, one = '']) => [
    from ?? one,
    to ?? one,
  ]);
  return (character) => ranges.some(([from = '', to = '']) => from <= character && character <= to);
}

function isAny(character: string, kind: 'text' | 'path'): boolean {
  return kind === 'text' || character !== '/';
}
