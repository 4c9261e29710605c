/** The words of a kernel command line whose value is a device, and GRUB's setting of the root. */
const DEVICE_WORD = /(^|[\s"'=])(root|resume|cryptdevice|rootjournal|GRUB_DEVICE)=("?)([^\s"']+)/g;

/** What the device of a word becomes; the same when it stays. */
export type Rename = (word: string, spec: string) => string;

/**
 * A kernel command line with the devices of its words renamed; everything else stays to the byte. `cryptdevice=DEVICE:name` names a device before a
 * colon, which a name by path has in itself.
 */
export function renameInKernelWords(text: string, rename: Rename): string {
  return text.replace(DEVICE_WORD, (_whole, before: string, word: string, quote: string, value: string) => {
    const isNamed = word === 'cryptdevice';
    const [, device = value, name = ''] = isNamed ? (/^(.+?)(:[\w.-]+(?::[\w,.-]+)?)$/.exec(value) ?? []) : [];
    return `${before}${word}=${quote}${rename(word, device)}${name}`;
  });
}

/** The lines of a boot loader's file that `lines` matches, renamed: those that hold a kernel's command line. */
export function renameInLines(text: string, lines: RegExp, rename: Rename): string {
  return text
    .split('\n')
    .map((line) => (lines.test(line) ? renameInKernelWords(line, rename) : line))
    .join('\n');
}
