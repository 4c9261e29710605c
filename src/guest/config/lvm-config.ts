/** The device settings of `lvm.conf` (lvm.conf(5)). */
export interface LvmConfig {
  /** Both must accept a device. Undefined if not set, which accepts all devices. */
  filter: LvmFilter | undefined;
  globalFilter: LvmFilter | undefined;
  /** The setting, or the default that a comment of the file documents; undefined without either. */
  useDevicesFile: boolean | undefined;
  searchForDevnames: 'none' | 'auto' | 'all';
  /**
   * True if this LVM version finds physical volumes by their PVID after the machine has changed (2.03.23 and later,
   * which documents the setting in the file).
   */
  refreshesDeviceIds: boolean;
  devicesFile: string;
}

export interface LvmFilter {
  patterns: readonly LvmPattern[];
  /** Counted from 1. */
  line: number;
}

interface LvmPattern {
  accepts: boolean;
  /** Undefined if it was not parsed: too complex for a pattern of device names. */
  pattern: RegExp | undefined;
}

/** A pattern with more repetitions, or with nested ones, could take forever to match. */
const MOST_REPETITIONS = 5;
const MOST_PATTERN_CHARACTERS = 512;

export function parseLvmConfig(text: string): LvmConfig {
  const settings = readSettings(text);
  const search = settings.get('devices/search_for_devnames')?.value.replaceAll('"', '');
  const refresh = settings.get('devices/device_ids_refresh')?.value ?? documented(text, 'device_ids_refresh');
  return {
    filter: readFilter(settings.get('devices/filter')),
    globalFilter: readFilter(settings.get('devices/global_filter')),
    useDevicesFile: flag(settings.get('devices/use_devicesfile')?.value ?? documented(text, 'use_devicesfile')),
    searchForDevnames: search === 'none' || search === 'all' ? search : 'auto',
    refreshesDeviceIds: refresh !== undefined && refresh !== '0',
    devicesFile: settings.get('devices/devicesfile')?.value.replaceAll('"', '') ?? 'system.devices',
  };
}

/**
 * Whether an LVM filter accepts a device with these paths. For each path, the first matching pattern decides. One
 * accepted path is sufficient, and a device is accepted if no path matches (`lib/filters/filter-regex.c` of LVM).
 * Undefined if a pattern was not parsed.
 */
export function filterAdmits(filter: LvmFilter | undefined, devicePaths: readonly string[]): boolean | undefined {
  if (filter === undefined) return true;
  const first = devicePaths.map((path) =>
    filter.patterns.find(({ pattern }) => pattern === undefined || pattern.test(path)),
  );
  if (first.some((each) => each?.pattern !== undefined && each.accepts)) return true;
  if (first.some((each) => each !== undefined && each.pattern === undefined)) return undefined;
  return first.every((each) => each === undefined);
}

interface Setting {
  value: string;
  line: number;
}

/** Settings by `section/name`. A value in brackets may span several lines. A later setting replaces an earlier one. */
function readSettings(text: string): Map<string, Setting> {
  const settings = new Map<string, Setting>();
  const sections: string[] = [];
  const lines = text.split('\n').map((line) => line.replace(/^((?:[^"#]|"(?:[^"\\]|\\.)*")*)#.*$/, '$1'));
  for (let index = 0; index < lines.length; index += 1) {
    let rest = (lines[index] ?? '').trim();
    const line = index + 1;
    const [opened, section] = /^([\w/]+)\s*\{/.exec(rest) ?? [];
    if (opened !== undefined && section !== undefined) {
      sections.push(section);
      rest = rest.slice(opened.length).trim();
    }
    const [, name, first = ''] = /^([\w/]+)\s*=\s*(.*)$/.exec(rest) ?? [];
    if (name !== undefined) {
      let value = first;
      while (isOpenList(value) && index + 1 < lines.length) {
        index += 1;
        value += ` ${lines[index] ?? ''}`;
      }
      settings.set([...sections, name].join('/'), { value: value.replace(/\}\s*$/, '').trim(), line });
      rest = value;
    }
    if (rest.trim().endsWith('}')) sections.pop();
  }
  return settings;
}

/** Brackets inside quotes are part of a pattern. */
function isOpenList(value: string): boolean {
  const plain = value.replace(/"(?:[^"\\]|\\.)*"/g, '');
  return plain.includes('[') && !plain.includes(']');
}

function readFilter(setting: Setting | undefined): LvmFilter | undefined {
  if (setting === undefined) return undefined;
  const patterns = [...setting.value.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, text = '']) => readPattern(text));
  return { patterns, line: setting.line };
}

/** `a|^/dev/sd|`: the action, and a pattern between two equal characters or a pair of brackets. */
function readPattern(text: string): LvmPattern {
  const accepts = text.startsWith('a');
  const opening = text[1] ?? '';
  const closing = { '(': ')', '[': ']', '{': '}' }[opening] ?? opening;
  const end = text.lastIndexOf(closing);
  const source = text.slice(2, end > 1 ? end : undefined);
  return { accepts, pattern: safePattern(source) };
}

function safePattern(source: string): RegExp | undefined {
  const repetitions = source.match(/[*+]/g)?.length ?? 0;
  const isNested = /\([^()]*[*+][^()]*\)[*+]/.test(source);
  if (source.length > MOST_PATTERN_CHARACTERS || repetitions > MOST_REPETITIONS || isNested) return undefined;
  try {
    return new RegExp(source);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** lvm.conf documents the built-in default of a setting as a comment: `# use_devicesfile = 1`. */
function documented(text: string, name: string): string | undefined {
  return new RegExp(`^\\s*#\\s*${name}\\s*=\\s*(\\S+)`, 'm').exec(text)?.[1];
}

function flag(value: string | undefined): boolean | undefined {
  return value === undefined ? undefined : value === '1';
}
