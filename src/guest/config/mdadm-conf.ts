/** The arrays and device settings of `mdadm.conf` (mdadm.conf(5)). */
export interface MdadmConf {
  arrays: readonly MdadmArray[];
  /** The words of all `DEVICE` lines; empty without any, which means all partitions and containers. */
  devicePatterns: readonly { pattern: string; line: number }[];
}

/** An `ARRAY` line. */
export interface MdadmArray {
  /** `/dev/md0`, `/dev/md/NAME`; undefined if the line has no name, or `<ignore>`. */
  name: string | undefined;
  /** 32 hexadecimal digits, without the colons. */
  uuid: string | undefined;
  /** The member devices of `devices=`, as written. */
  devices: readonly string[];
  isIgnored: boolean;
  line: number;
}

/**
 * Keywords may be abbreviated to three letters, in any case. A line that begins with white space continues the
 * previous one.
 */
export function parseMdadmConf(text: string): MdadmConf {
  const arrays: MdadmArray[] = [];
  const devicePatterns: { pattern: string; line: number }[] = [];
  for (const { words, line } of logicalLines(text)) {
    const [keyword = '', ...rest] = words;
    if (isKeyword(keyword, 'device')) devicePatterns.push(...rest.map((pattern) => ({ pattern, line })));
    if (isKeyword(keyword, 'array')) arrays.push(readArray(rest, line));
  }
  return { arrays, devicePatterns };
}

/** The digits of an array's UUID in any notation; undefined if it is not one. */
export function mdUuidDigits(text: string | undefined): string | undefined {
  const digits = text?.replace(/[^0-9a-f]/gi, '').toLowerCase();
  return digits?.length === 32 ? digits : undefined;
}

function readArray(words: readonly string[], line: number): MdadmArray {
  const value = (key: string): string | undefined =>
    words.find((word) => word.toLowerCase().startsWith(`${key}=`))?.slice(key.length + 1);
  const first = words[0] ?? '';
  const isNamed = first !== '' && !first.includes('=');
  return {
    name: isNamed && first !== '<ignore>' ? nodeName(first) : undefined,
    uuid: mdUuidDigits(value('uuid')),
    devices: (value('devices') ?? '').split(',').filter(Boolean),
    isIgnored: first.toLowerCase() === '<ignore>',
    line,
  };
}

/** A name without a folder is in `/dev/md`. */
function nodeName(name: string): string {
  return name.startsWith('/') ? name : `/dev/md/${name}`;
}

function isKeyword(word: string, keyword: string): boolean {
  return word.length >= 3 && keyword.startsWith(word.toLowerCase());
}

function logicalLines(text: string): { words: string[]; line: number }[] {
  const lines: { words: string[]; line: number }[] = [];
  for (const [index, each] of text.split('\n').entries()) {
    const content = each.replace(/(^|\s)#.*$/, '');
    const words = content.trim().split(/\s+/).filter(Boolean);
    if (words.length === 0) continue;
    const before = lines.at(-1);
    if (/^\s/.test(content) && before) before.words.push(...words);
    else lines.push({ words, line: index + 1 });
  }
  return lines;
}
