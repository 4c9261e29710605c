/**
 * One word of a guestfish command line, in double quotes: what is not plain ASCII goes as `\xHH`, byte by byte (guestfish(1), "QUOTING"), so that
 * a file name of the guest is never more than a name. Throws a `RangeError` for a NUL, which no name can hold.
 */
export function quoteWord(word: string): string {
  if (word.includes('\0')) throw new RangeError('an argument of a guestfish command cannot contain a NUL');
  const bytes = [...Buffer.from(word, 'utf8')];
  return `"${bytes.map((byte) => (isPlain(byte) ? String.fromCharCode(byte) : hexEscape(byte))).join('')}"`;
}

/** The words of one command as guestfish reads them. The name of the command is ours and stands bare: guestfish looks it up as it is written. */
export function commandLine([name = '', ...words]: readonly string[]): string {
  if (!/^[a-z][a-z0-9-]*$/.test(name)) throw new RangeError(`not a guestfish command: ${name}`);
  // The dash lets the session go on after a command that failed.
  return ['-' + name, ...words.map(quoteWord)].join(' ');
}

/** One string for guestfish's `command`, which splits it again as a shell would: each argument in single quotes. */
export function argumentString(args: readonly string[]): string {
  return args.map((arg) => `'${arg.replaceAll("'", String.raw`'\''`)}'`).join(' ');
}

/** Letters, digits and what no quoting gives a meaning to. */
function isPlain(byte: number): boolean {
  return /[\w ./:=,+@%-]/.test(String.fromCharCode(byte)) && byte < 0x7f;
}

function hexEscape(byte: number): string {
  return String.raw`\x` + byte.toString(16).padStart(2, '0');
}
