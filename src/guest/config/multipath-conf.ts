/** A name that multipath gives a disk: an alias in `multipath.conf`, or a line of `bindings`. */
export interface MultipathName {
  /** `/dev/mapper/NAME`. */
  name: string;
  wwid: string;
  /** Counted from 1. */
  line: number;
}

/** The aliases of `multipath.conf` (multipath.conf(5)). */
export function parseMultipathAliases(text: string): MultipathName[] {
  const names: MultipathName[] = [];
  let wwid: string | undefined;
  let alias: string | undefined;
  for (const [index, each] of text.split('\n').entries()) {
    const line = each.replace(/[#!].*$/, '').trim();
    if (/^multipath\s*\{/.test(line)) [wwid, alias] = [undefined, undefined];
    const [, key, value] = /\b(wwid|alias)\s+"?([^"\s}]+)"?/.exec(line) ?? [];
    if (key === 'wwid') wwid = value;
    if (key === 'alias') alias = value;
    if (wwid !== undefined && alias !== undefined) {
      names.push({ name: alias, wwid, line: index + 1 });
      [wwid, alias] = [undefined, undefined];
    }
  }
  return names;
}

/** The lines `NAME WWID` of `/etc/multipath/bindings`. */
export function parseMultipathBindings(text: string): MultipathName[] {
  return text.split('\n').flatMap((each, index) => {
    const [name, wwid] = each.trim().split(/\s+/);
    return name === undefined || name.startsWith('#') || wwid === undefined ? [] : [{ name, wwid, line: index + 1 }];
  });
}

/** The WWIDs in `/etc/multipath/wwids`, each between slashes. */
export function parseMultipathWwids(text: string): { wwid: string; line: number }[] {
  return text.split('\n').flatMap((each, index) => {
    const [, wwid] = /^\s*\/(.+)\/\s*$/.exec(each) ?? [];
    return wwid === undefined ? [] : [{ wwid, line: index + 1 }];
  });
}

/** `find_multipaths`: whether multipath uses a disk with a single path. Undefined if not set. */
export function takesSinglePaths(text: string): boolean | undefined {
  const [, value] = /^\s*find_multipaths\s+"?(\w+)"?/m.exec(text) ?? [];
  if (value === undefined) return undefined;
  return /^(no|off|greedy)$/.test(value);
}

/** A disk in multipath's terms: its kernel name, and its SCSI INQUIRY data. */
export interface MultipathDisk {
  devnode: string;
  vendor: string;
  product: string;
}

/** Whether a `blacklist` section excludes a disk regardless of its WWID. Exceptions are not evaluated. */
export function isBlacklisted(text: string, { devnode, vendor, product }: MultipathDisk): boolean {
  return blacklists(text).some((body) => {
    const values = (key: string): string[] =>
      [...body.matchAll(new RegExp(`\\b${key}\\s+(?:"([^"]*)"|([^\\s"}]+))`, 'g'))].map(
        ([, quoted, plain]) => quoted ?? plain ?? '',
      );
    if (values('devnode').some((pattern) => matches(pattern, devnode))) return true;
    if (values('wwid').some((pattern) => ['.*', '*'].includes(pattern))) return true;
    return [...body.matchAll(/\bdevice\s*\{([^}]*)\}/g)].some(([, device = '']) => {
      const [, ofVendor = '.*'] = /\bvendor\s+"?([^"\n}]+?)"?\s*(?:product\b|\n|$)/.exec(device) ?? [];
      const [, ofProduct = '.*'] = /\bproduct\s+"?([^"\n}]+?)"?\s*(?:vendor\b|\n|$)/.exec(device) ?? [];
      return matches(ofVendor, vendor) && matches(ofProduct, product);
    });
  });
}

/** The bodies of the `blacklist` sections, without comments. */
function blacklists(text: string): string[] {
  const plain = text.replaceAll(/[#!].*$/gm, '');
  return [...plain.matchAll(/^\s*blacklist\s*\{/gm)].map((start) => {
    const first = start.index + start[0].length;
    let depth = 1;
    let end = first;
    for (; end < plain.length && depth > 0; end += 1) depth += plain[end] === '{' ? 1 : plain[end] === '}' ? -1 : 0;
    return plain.slice(first, end);
  });
}

/** A regular expression in a configuration; an invalid one matches nothing. */
function matches(pattern: string, text: string): boolean {
  try {
    return new RegExp(pattern).test(text);
  } catch {
    return false;
  }
}
