import { cardOf, isCardName, readMac, type InterfaceName } from '../../inspect/interface-name.ts';

/** The card of an `ifcfg-NAME` file: of Red Hat's network scripts, which name it in `DEVICE`, or of SUSE's wicked, where the file's name does. */
export function ifcfgNames(fileName: string, text: string): InterfaceName[] {
  const value = (key: string): string | undefined => {
    const [, found] = new RegExp(`^\\s*${key}=(.*)$`, 'm').exec(text) ?? [];
    return found?.trim().replace(/^(["'])(.*)\1$/, '$2');
  };
  const type = value('TYPE')?.toLowerCase();
  const isVirtual = ['BRIDGE', 'BONDING_MASTER', 'ETHERDEVICE', 'VLAN_ID', 'TUNNEL'].some(
    (key) => /\w/.test(value(key) ?? '') && !(key === 'BRIDGE' && value(key) !== 'yes'),
  );
  if (isVirtual || (type !== undefined && type !== 'ethernet')) return [];
  const name = cardOf(value('DEVICE') ?? fileName.replace(/^ifcfg-/, ''));
  return isCardName(name) ? [{ name, mac: readMac(value('HWADDR')) }] : [];
}

/** The bindings of `70-persistent-net.rules`, which old udev wrote itself. */
export function udevRuleNames(text: string): InterfaceName[] {
  return text.split('\n').flatMap((line) => {
    if (line.trim().startsWith('#')) return [];
    const mac = readMac(/ATTRS?\{address\}=="([^"]+)"/.exec(line)?.[1]);
    const name = /\bNAME:?="([^"]+)"/.exec(line)?.[1];
    return mac !== undefined && name !== undefined ? [{ name, mac, bound: true }] : [];
  });
}
