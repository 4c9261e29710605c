/** A name that multipath gives to a disk: an alias of `multipath.conf`, or a line of `bindings`. */
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

/** The WWIDs of `/etc/multipath/wwids`, each between slashes. */
export function parseMultipathWwids(text: string): { wwid: string; line: number }[] {
  return text.split('\n').flatMap((each, index) => {
    const [, wwid] = /^\s*\/(.+)\/\s*$/.exec(each) ?? [];
    return wwid === undefined ? [] : [{ wwid, line: index + 1 }];
  });
}

/** `find_multipaths`: whether a disk with a single path is taken by multipath. Undefined without the setting. */
export function takesSinglePaths(text: string): boolean | undefined {
  const [, value] = /^\s*find_multipaths\s+"?(\w+)"?/m.exec(text) ?? [];
  if (value === undefined) return undefined;
  return /^(no|off|greedy)$/.test(value);
}
