/** A place in a file of the guest. Lines are counted from 1. */
export interface SourcePlace {
  file: string;
  line: number;
}

/** One word of a kernel's command line, with the place that it comes from: a variable's word comes from where the variable was set. */
export interface KernelWord extends SourcePlace {
  text: string;
}

/** A file that a boot entry names. */
export interface EntryFile extends SourcePlace {
  /** As the entry has it. */
  written: string;
  /** The guest's path of the file; undefined if the boot loader reads it from a file system that is not mounted in the guest. */
  path: string | undefined;
  /** `unknown` if the file system that the boot loader reads cannot be looked at. */
  state: 'there' | 'missing' | 'unknown';
  /** The section of a unified kernel image that it is. */
  section?: string | undefined;
  /** For a person, about a state other than `there`. */
  reason?: string | undefined;
}

export const LOADERS = ['grub', 'grub-legacy', 'syslinux', 'systemd-boot', 'unified-image'] as const;
export type BootLoader = (typeof LOADERS)[number];

/** What a boot loader starts, as it reads it from its configuration. `file` and `line` are where the entry begins. */
export interface BootEntry extends SourcePlace {
  loader: BootLoader;
  title: string;
  /** Undefined for an entry that starts something else, such as another boot loader. */
  kernel: EntryFile | undefined;
  /** In the order in which they are loaded; an early image with microcode counts. */
  initramfs: readonly EntryFile[];
  commandLine: readonly KernelWord[];
  /** The boot loader starts it when nobody chooses another one. */
  isDefault: boolean;
  /** The kernel's version, where the entry itself contains it. */
  version?: string | undefined;
}

/** What the configuration of one boot loader says. */
export interface LoaderConfig {
  loader: BootLoader;
  /** The file that the boot loader reads first. */
  file: string;
  entries: readonly BootEntry[];
  /** What could not be read or found; each keeps the boot loader from showing its menu as it is meant. */
  problems: readonly (SourcePlace & { verdict: 'not-ready' | 'unknown'; reason: string })[];
}

/** More entries than any menu has. */
export const MOST_ENTRIES = 500;

/** The words of a command line in one line of a file. The kernel takes double quotes as part of a word and splits at white space outside them. */
export function wordsOf(text: string, { file, line }: SourcePlace): KernelWord[] {
  return [...text.matchAll(/(?:"[^"]*"?|[^\s"])+/g)].map(([word]) => ({ text: word, file, line }));
}

/** `root` and `UUID=...` of `root=UUID=...`; the kernel drops the quotes around a value. A word without `=` has no value. */
export function splitWord({ text }: Pick<KernelWord, 'text'>): { name: string; value: string | undefined } {
  const at = text.indexOf('=');
  if (at < 0) return { name: text.replaceAll('"', ''), value: undefined };
  return { name: text.slice(0, at).replaceAll('"', ''), value: text.slice(at + 1).replaceAll('"', '') };
}
