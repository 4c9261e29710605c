/** Linux allows 255 bytes to a name. */
const NAME_MAX_BYTES = 255;
/** Room for what is put after a VM's name: `-disk-9999.vmdk.partial` has 23 bytes, a clash number takes some more. */
const SUFFIX_BYTES = 40;

/**
 * What never stands in a file name: separators; control characters (NUL, newlines); line and paragraph separators; the marks
 * that turn the direction of text, with which a name can look like another; what was no Unicode (U+FFFD). Joiners stay:
 * Persian and Indic names need them.
 */
const UNSAFE = /[/\\\p{Cc}\p{Zl}\p{Zp}\u{200E}\u{200F}\u{202A}-\u{202E}\u{2066}-\u{2069}\u{FEFF}\u{FFFD}]/gu;
/** A leading dash reads as a flag, a dot hides the file, a tilde is taken for a home folder. */
const UNSAFE_START = /^[-.~]/u;

/**
 * Makes one safe file name (no path) of any text, a VM's name above all, and keeps it readable: only what is unsafe becomes `_`.
 * Unicode comes out in form NFC, so that one name is one file everywhere. At most `maxBytes` bytes of UTF-8, cut between
 * characters as a reader sees them. Never empty, `.` or `..`. Two texts can give one name: see {@link uniqueFileNames}.
 */
export function safeFileName(text: string, { maxBytes = NAME_MAX_BYTES - SUFFIX_BYTES } = {}): string {
  const clean = text.toWellFormed().normalize('NFC').replace(UNSAFE, '_').trim().replace(UNSAFE_START, '_');
  return trimEnd(cutToBytes(clean, maxBytes)) || '_';
}

/**
 * {@link safeFileName} of each text, in order; where two would be one file, the later ones get `-2`, `-3`. Names that
 * differ only in case count as one, since they are on many file systems.
 */
export function uniqueFileNames(texts: readonly string[], { maxBytes = NAME_MAX_BYTES - SUFFIX_BYTES } = {}): string[] {
  const taken = new Set<string>();
  return texts.map((text) => {
    const base = safeFileName(text, { maxBytes });
    let name = base;
    for (let number = 2; taken.has(name.toLowerCase()); number++) {
      const suffix = `-${number}`;
      name = trimEnd(cutToBytes(base, maxBytes - suffix.length)) + suffix;
    }
    taken.add(name.toLowerCase());
    return name;
  });
}

/** Windows and SMB drop trailing dots and spaces, and so make another name of it. */
function trimEnd(name: string): string {
  let end = name.length;
  while (end > 0 && (name[end - 1] === '.' || name[end - 1] === ' ')) end--;
  return name.slice(0, end);
}

function cutToBytes(text: string, maxBytes: number): string {
  if (Buffer.byteLength(text) <= maxBytes) return text;
  // More than maxBytes UTF-16 units can never fit: cutting there first bounds the work.
  const head = text.slice(0, maxBytes + 1).toWellFormed();
  const graphemes = new Intl.Segmenter('und', { granularity: 'grapheme' }).segment(head);
  // A heap of combining marks can be one character: then code points must do.
  const codePoints = Array.from(head, (segment) => ({ segment }));
  return takeBytes(graphemes, maxBytes) || takeBytes(codePoints, maxBytes);
}

function takeBytes(parts: Iterable<{ segment: string }>, maxBytes: number): string {
  let taken = '';
  let bytes = 0;
  for (const { segment } of parts) {
    bytes += Buffer.byteLength(segment);
    if (bytes > maxBytes) break;
    taken += segment;
  }
  return taken;
}
