import {
  hasDriver,
  hasPath,
  matchedNics,
  not,
  type NicTest,
  type RewrittenMatches,
  type SourceNic,
} from './source-nics.ts';

/** Settings of NetworkManager.conf(5) that contain device lists. */
const DEVICE_LIST =
  /^(\s*(?:match-device|unmanaged-devices|no-auto-default|ignore-carrier|assume-ipv6ll-only)\s*[+-]?=)(.*)$/;
const DRIVER_SPEC = /(^|[,;\s])((?:except:)?)driver:([^,;\s/]+)(?:\/[^,;\s]*)?/g;

/** Rewrites `driver:vmxnet3` in device lists to `mac:` for the NICs with that driver on VMware. */
export function rewriteDeviceLists(text: string, nics: readonly SourceNic[]): RewrittenMatches {
  const details: string[] = [];
  const problems: string[] = [];
  const lines = text.split('\n').map((line) => {
    const [, setting, list] = DEVICE_LIST.exec(line) ?? [];
    if (setting === undefined || list === undefined) return line;
    const separator = list.includes(';') ? ';' : ',';
    const rewritten = list.replace(DRIVER_SPEC, (whole, before: string, except: string, driver: string) => {
      const found = matchedNics(nics, [hasDriver([driver])]);
      const spec = whole.slice(before.length);
      if ('unknown' in found) problems.push(`${spec} is not changed, because ${found.unknown}`);
      if ('unknown' in found || found.macs.length === 0) return whole;
      const macs = found.macs.map((mac) => `${except}mac:${mac}`).join(separator);
      details.push(`${spec} → ${macs}`);
      return before + macs;
    });
    return setting + rewritten;
  });
  return { text: lines.join('\n'), details, problems };
}

/**
 * Rewrites `driver=` and `path=` in the `[match]` section of a keyfile. A profile has one MAC address
 * (`mac-address`). For several NICs, all other NICs are excluded instead (`mac-address-blacklist`), which is
 * equivalent.
 */
export function rewriteKeyfileMatch(text: string, nics: readonly SourceNic[]): RewrittenMatches {
  const lines = text.split('\n');
  const written = linesOf(lines, ['match']).filter(({ key }) => key === 'driver' || key === 'path');
  if (written.length === 0) return { text, details: [], problems: [] };
  const words = written.map(({ key, value }) => `${key}=${value}`).join(' ');
  const found = matchedNics(
    nics,
    written.flatMap(({ key, value }) => testsOf(value, key === 'driver' ? hasDriver : hasPath)),
  );
  if ('unknown' in found) return { text, details: [], problems: [`${words} is not changed, because ${found.unknown}`] };
  if (found.macs.length === 0) return { text, details: [], problems: [] };
  const others = nics.flatMap(({ mac }) => (mac === undefined || found.macs.includes(mac) ? [] : [mac]));
  const setting =
    found.macs.length === 1
      ? `mac-address=${found.macs[0]}`
      : others.length > 0
        ? `mac-address-blacklist=${others.join(';')};`
        : undefined;
  const kept = lines.filter((_line, at) => !written.some((line) => line.at === at));
  const details = [`${words} → ${setting ?? 'every NIC, as on VMware'}`];
  return { text: (setting === undefined ? kept : withSetting(kept, setting)).join('\n'), details, problems: [] };
}

/** Adds a setting to the Ethernet section, and creates the section if needed. An existing MAC address stays. */
function withSetting(lines: readonly string[], setting: string): string[] {
  const names = ['ethernet', '802-3-ethernet'];
  const key = setting.split('=', 1)[0];
  if (linesOf(lines, names).some((line) => line.key === key)) return [...lines];
  const at = lines.findIndex((line) => names.some((name) => line.trim() === `[${name}]`));
  if (at >= 0) return [...lines.slice(0, at + 1), setting, ...lines.slice(at + 1)];
  const isEnded = lines.at(-1) === '';
  return [...(isEnded ? lines.slice(0, -1) : lines), '', '[ethernet]', setting, ''];
}

/** At least one pattern must match; a pattern with a leading `&` must match, one with `!` must not. */
function testsOf(list: string, make: (patterns: readonly string[]) => NicTest): NicTest[] {
  const words = list.split(';').flatMap((word) => (word.trim() === '' ? [] : [word.trim()]));
  const optional = words.filter((word) => !/^[&!]/.test(word)).map((word) => word.replace(/^\|/, ''));
  const mandatory = words.filter((word) => /^[&!]/.test(word)).map((word) => word.replace(/^&/, ''));
  return [
    ...(optional.length === 0 ? [] : [make(optional)]),
    ...mandatory.map((word) => (word.startsWith('!') ? not(make([word.slice(1)])) : make([word]))),
  ];
}

function linesOf(lines: readonly string[], sections: readonly string[]): { at: number; key: string; value: string }[] {
  let section = '';
  return lines.flatMap((line, at) => {
    section = /^\s*\[(.+)\]\s*$/.exec(line)?.[1] ?? section;
    const [, key, value] = /^\s*([\w-]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    return key === undefined || value === undefined || !sections.includes(section) ? [] : [{ at, key, value }];
  });
}
