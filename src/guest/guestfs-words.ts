/**
 * One word of a guestfish command line, in double quotes. Characters other than plain ASCII are written as `\xHH`,
 * byte by byte (guestfish(1), "QUOTING"), so that a file name from the guest is never interpreted.
 * @throws `RangeError` for a NUL, which no name can contain.
 */
export function quoteWord(word: string): string {
  if (word.includes('\0')) throw new RangeError('an argument of a guestfish command cannot contain a NUL');
  const bytes = [...Buffer.from(word, 'utf8')];
  return `"${bytes.map((byte) => (isPlain(byte) ? String.fromCharCode(byte) : hexEscape(byte))).join('')}"`;
}

/**
 * Quotes the words of one command for guestfish. The command name is ours and stays unquoted, because guestfish looks
 * it up literally.
 */
export function commandLine([name = '', ...words]: readonly string[]): string {
  if (!/^[a-z][a-z0-9-]*$/.test(name)) throw new RangeError(`not a guestfish command: ${name}`);
  // The dash makes guestfish continue after a failed command.
  return ['-' + name, ...words.map(quoteWord)].join(' ');
}

/** One string for guestfish's `command`, which splits it like a shell: each argument is in single quotes. */
export function argumentString(args: readonly string[]): string {
  return args.map((arg) => `'${arg.replaceAll("'", String.raw`'\''`)}'`).join(' ');
}

/** Letters, digits, and characters that have no special meaning in quotes. */
function isPlain(byte: number): boolean {
  return /[\w ./:=,+@%-]/.test(String.fromCharCode(byte)) && byte < 0x7f;
}

function hexEscape(byte: number): string {
  return String.raw`\x` + byte.toString(16).padStart(2, '0');
}
