/** A place in a file of the guest. Lines are counted from 1. */
export interface SourcePlace {
  file: string;
  line: number;
}

/**
 * One word of a kernel command line, with its location. A word from a variable has the location where the variable
 * was set.
 */
export interface KernelWord extends SourcePlace {
  text: string;
}

/** A file that a boot entry names. */
export interface EntryFile extends SourcePlace {
  /** As written in the entry. */
  written: string;
  /** The guest's path of the file; undefined if the boot loader reads it from a file system that is not mounted in the guest. */
  path: string | undefined;
  /** `unknown` if the file system that the boot loader reads is not accessible. */
  state: 'there' | 'missing' | 'unknown';
  /** The section of a unified kernel image that contains the file. */
  section?: string | undefined;
  /** An explanation for people of a state other than `there`. */
  reason?: string | undefined;
}

export const LOADERS = ['grub', 'grub-legacy', 'syslinux', 'systemd-boot', 'unified-image'] as const;
export type BootLoader = (typeof LOADERS)[number];

/** An entry of a boot loader's configuration. `file` and `line` are where the entry begins. */
export interface BootEntry extends SourcePlace {
  loader: BootLoader;
  title: string;
  /** Undefined for an entry that starts something else, such as another boot loader. */
  kernel: EntryFile | undefined;
  /** In load order, including an early image with microcode. */
  initramfs: readonly EntryFile[];
  commandLine: readonly KernelWord[];
  /** The boot loader starts it unless the user selects another one. */
  isDefault: boolean;
  /** The kernel version, if the entry itself contains it. */
  version?: string | undefined;
}

/** The configuration of one boot loader. */
export interface LoaderConfig {
  loader: BootLoader;
  /** The file that the boot loader reads first. */
  file: string;
  entries: readonly BootEntry[];
  /**
   * Files and commands that could not be read or found; each prevents the boot loader from showing its intended menu.
   */
  problems: readonly (SourcePlace & { verdict: 'not-ready' | 'unknown'; reason: string })[];
}

/** No menu has more entries. */
export const MOST_ENTRIES = 500;

/**
 * The words of a command line in one line of a file. The kernel treats double quotes as part of a word and splits at
 * white space outside them.
 */
export function wordsOf(text: string, { file, line }: SourcePlace): KernelWord[] {
  return [...text.matchAll(/(?:"[^"]*"?|[^\s"])+/g)].map(([word]) => ({ text: word, file, line }));
}

/** `root` and `UUID=...` of `root=UUID=...`; the kernel drops the quotes around a value. A word without `=` has no value. */
export function splitWord({ text }: Pick<KernelWord, 'text'>): { name: string; value: string | undefined } {
  const at = text.indexOf('=');
  if (at < 0) return { name: text.replaceAll('"', ''), value: undefined };
  return { name: text.slice(0, at).replaceAll('"', ''), value: text.slice(at + 1).replaceAll('"', '') };
}
