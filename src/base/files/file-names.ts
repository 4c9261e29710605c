/** Linux limits a file name to 255 bytes. */
const NAME_MAX_BYTES = 255;
/**
 * Space for what is appended to a VM's name: `-disk-9999.vmdk.partial` has 23 bytes, and a number for name conflicts
 * takes a few more.
 */
const SUFFIX_BYTES = 40;

/**
 * Characters that are not allowed in a file name: separators; control characters (NUL, newlines); line and paragraph
 * separators; bidirectional control characters, which can make a name look like another; and the replacement character
 * for invalid Unicode (U+FFFD). Joiners are allowed: Persian and Indic names need them.
 */
const UNSAFE = /[/\\\p{Cc}\p{Zl}\p{Zp}\u{200E}\u{200F}\u{202A}-\u{202E}\u{2066}-\u{2069}\u{FEFF}\u{FFFD}]/gu;
/** A leading dash looks like a flag, a dot hides the file, and a tilde is expanded to a home folder. */
const UNSAFE_START = /^[-.~]/u;

/**
 * Converts any text, such as a VM's name, to one safe and readable file name (not a path): only unsafe characters
 * become `_`. The result is in Unicode form NFC, so that one name refers to the same file everywhere. It has at most
 * `maxBytes` bytes of UTF-8, truncated between grapheme clusters. It is never empty, `.` or `..`. Two texts can result
 * in the same name: see {@link uniqueFileNames}.
 */
export function safeFileName(text: string, { maxBytes = NAME_MAX_BYTES - SUFFIX_BYTES } = {}): string {
  const clean = text.toWellFormed().normalize('NFC').replace(UNSAFE, '_').trim().replace(UNSAFE_START, '_');
  return trimEnd(cutToBytes(clean, maxBytes)) || '_';
}

/**
 * Applies {@link safeFileName} to each text, in order. If two results are equal, the later ones get the suffix `-2`,
 * `-3`. Names that differ only in case are treated as equal, as on many file systems.
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

/** Windows and SMB remove trailing dots and spaces, which would change the name. */
function trimEnd(name: string): string {
  let end = name.length;
  while (end > 0 && (name[end - 1] === '.' || name[end - 1] === ' ')) end--;
  return name.slice(0, end);
}

function cutToBytes(text: string, maxBytes: number): string {
  if (Buffer.byteLength(text) <= maxBytes) return text;
  // More than maxBytes UTF-16 units never fit. Truncating the text first bounds the work.
  const head = text.slice(0, maxBytes + 1).toWellFormed();
  const graphemes = new Intl.Segmenter('und', { granularity: 'grapheme' }).segment(head);
  // A long sequence of combining marks can form a single grapheme cluster. In that case, the name is truncated between
  // code points.
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
