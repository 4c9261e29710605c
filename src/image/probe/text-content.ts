import type { ForeignContent } from './foreign-content.ts';

/** Control characters that do not occur in text. Tab, line ends, form feed and escape (terminal colors) are allowed. */
// oxlint-disable-next-line no-control-regex
const BINARY = /[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]/;

const KINDS: readonly (ForeignContent & { starts: RegExp })[] = [
  {
    starts: /^version https:\/\/git-lfs\.github\.com\//,
    what: 'a Git LFS pointer instead of the file',
    remedy: () => 'Fetch the file itself with: git lfs pull',
  },
  {
    starts: /^\/annex\/objects\//,
    what: 'a git-annex pointer instead of the file',
    remedy: (file) => `Fetch the file itself with: git annex get ${file}`,
  },
  {
    starts: /^\s*(?:<\?xml[^>]*>\s*)?(?:<!--[^>]*>\s*)*<(?:!doctype\s+html|html|head|body|script|meta|title)\b/i,
    what: 'an HTML page, as a server sends it instead of a file',
    remedy: () => 'Download the file again. The page may contain the reason why it was not sent.',
  },
  {
    starts: /^\s*<[?!\w]/,
    what: 'an XML document',
    remedy: () => 'The only XML file that can be converted is the .ovf file of a package.',
  },
  {
    starts: /^\s*SHA(?:\d+|\d-\d+)\s*\(/,
    what: 'the manifest of an OVF package',
    remedy: () => 'Convert the .ovf file of the package.',
  },
  { starts: /^#!/, what: 'a script' },
  { starts: /^\s*[[{]\s*["{[\]}]/, what: 'a JSON document' },
];

/** Identifies a text file by its first bytes, in ASCII, UTF-8, Windows-1252 or UTF-16; undefined for binary data. */
export function textContent(head: Buffer): ForeignContent | undefined {
  const utf16 = decodeUtf16(head);
  if (utf16 !== undefined && !BINARY.test(utf16)) {
    return {
      what: 'text in UTF-16',
      remedy: (file) =>
        `A .vmx file or a VMDK descriptor must be in UTF-8. Convert it with: iconv -f UTF-16 -t UTF-8 ${file}`,
    };
  }
  // Some programs pad text files to complete sectors with NULs.
  const text = head
    .toString('latin1')
    .replace(/^\xef\xbb\xbf/, '')
    .replace(/\0+$/, '');
  if (text === '' || BINARY.test(text)) return undefined;
  return KINDS.find(({ starts }) => starts.test(text)) ?? { what: 'text' };
}

/**
 * Detects UTF-16 by a byte order mark, or by the zero in one of the two bytes of each character in European languages.
 */
function decodeUtf16(head: Buffer): string | undefined {
  if (head.length < 4) return undefined;
  const even = head.subarray(0, head.length - (head.length % 2));
  const [first = 0, second = 0] = even;
  const isBig = (first === 0xfe && second === 0xff) || (first === 0 && second !== 0);
  const isLittle = (first === 0xff && second === 0xfe) || (first !== 0 && second === 0);
  if (!isBig && !isLittle) return undefined;
  return new TextDecoder(isBig ? 'utf-16be' : 'utf-16le').decode(even).replace(/\0+$/, '');
}
