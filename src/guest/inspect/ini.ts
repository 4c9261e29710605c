/** A section of a file in the style of systemd and NetworkManager. */
export interface IniSection {
  name: string;
  values: ReadonlyMap<string, string>;
}

/** The sections in their order. Of a key that is set twice the last counts; lines that are none are passed over. */
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

/** A value of the first section of that name that has it. */
export function iniValue(sections: readonly IniSection[], section: string, key: string): string | undefined {
  return sections.find(({ name, values }) => name === section && values.has(key))?.values.get(key);
}
