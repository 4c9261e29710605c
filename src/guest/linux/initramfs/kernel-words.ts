/** The words of a kernel command line whose value is a device, and GRUB's setting of the root. */
const DEVICE_WORD = /(^|[\s"'=])(root|resume|cryptdevice|rootjournal|GRUB_DEVICE)=("?)([^\s"']+)/g;

/** Returns the new name for the device of a word, or the same name to keep it. */
export type Rename = (word: string, spec: string) => string;

/**
 * A kernel command line with the devices of its words renamed; the rest stays identical to the byte. In
 * `cryptdevice=DEVICE:name` a colon ends the device, but names by path contain colons themselves.
 */
export function renameInKernelWords(text: string, rename: Rename): string {
  return text.replace(DEVICE_WORD, (_whole, before: string, word: string, quote: string, value: string) => {
    const isNamed = word === 'cryptdevice';
    const [, device = value, name = ''] = isNamed ? (/^(.+?)(:[\w.-]+(?::[\w,.-]+)?)$/.exec(value) ?? []) : [];
    return `${before}${word}=${quote}${rename(word, device)}${name}`;
  });
}

/** Renames devices in the lines of a boot loader's file that match `lines`: those with a kernel command line. */
export function renameInLines(text: string, lines: RegExp, rename: Rename): string {
  return text
    .split('\n')
    .map((line) => (lines.test(line) ? renameInKernelWords(line, rename) : line))
    .join('\n');
}
