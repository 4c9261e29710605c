/** A section of a file in the INI style of systemd and NetworkManager. */
export interface IniSection {
  name: string;
  values: ReadonlyMap<string, string>;
}

/** The sections in file order. The last value of a repeated key is used; invalid lines are skipped. */
export function readIni(text: string): IniSection[] {
  const sections: { name: string; values: Map<string, string> }[] = [];
  for (const line of text.split('\n').map((each) => each.trim())) {
    const [, section] = /^\[(.+)\]$/.exec(line) ?? [];
    if (section !== undefined) sections.push({ name: section, values: new Map() });
    const [, key, value] = /^([\w.-]+)\s*=\s*(.*)$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined) sections.at(-1)?.values.set(key, value);
  }
  return sections;
}

/** The value from the first section of that name that has the key. */
export function iniValue(sections: readonly IniSection[], section: string, key: string): string | undefined {
  return sections.find(({ name, values }) => name === section && values.has(key))?.values.get(key);
}
