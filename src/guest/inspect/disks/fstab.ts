/** One entry of `/etc/fstab`. Spaces in names remain escaped as `\040`. */
export interface FstabEntry {
  spec: string;
  path: string;
  type: string;
  options: readonly string[];
  /** Counted from 1. */
  line: number;
}

/** The entries of an fstab (fstab(5)); comments and lines with too few fields are skipped. */
export function readFstab(text: string): FstabEntry[] {
  return text.split('\n').flatMap((line, index) => {
    const [spec, path, type, options = 'defaults'] = line.trim().split(/\s+/);
    if (spec === undefined || spec.startsWith('#') || path === undefined || type === undefined) return [];
    return [{ spec: unquote(spec), path, type, options: options.split(','), line: index + 1 }];
  });
}

/** The value of an option such as `subvol=`. */
export function optionValue(options: readonly string[], name: string): string | undefined {
  return options.find((option) => option.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** `UUID="..."` is equivalent to `UUID=...`. */
function unquote(spec: string): string {
  return spec.replace(/^(\w+)="(.*)"$/, '$1=$2');
}
