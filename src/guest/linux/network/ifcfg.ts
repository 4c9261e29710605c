import { nicNameOf, isNicName, readMac, type InterfaceName } from '../../inspect/interface-name.ts';

/** The NIC of an `ifcfg-NAME` file: Red Hat's network scripts name it in `DEVICE`, SUSE's wicked in the file name. */
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
  const name = nicNameOf(value('DEVICE') ?? fileName.replace(/^ifcfg-/, ''));
  return isNicName(name) ? [{ name, mac: readMac(value('HWADDR')) }] : [];
}

/** The bindings in `70-persistent-net.rules`, which old udev versions generated. */
export function udevRuleNames(text: string): InterfaceName[] {
  return text.split('\n').flatMap((line) => {
    if (line.trim().startsWith('#')) return [];
    const mac = readMac(/ATTRS?\{address\}=="([^"]+)"/.exec(line)?.[1]);
    const name = /\bNAME:?="([^"]+)"/.exec(line)?.[1];
    return mac !== undefined && name !== undefined ? [{ name, mac, bound: true }] : [];
  });
}
