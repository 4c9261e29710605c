import { isCardName, readMac, type InterfaceName } from '../../inspect/interface-name.ts';
import { iniValue, readIni } from '../../inspect/ini.ts';

/** The card of a keyfile of NetworkManager. One that tells only the address needs no name. */
export function networkManagerNames(text: string): InterfaceName[] {
  const sections = readIni(text);
  const type = iniValue(sections, 'connection', 'type');
  if (type !== undefined && !['ethernet', '802-3-ethernet'].includes(type)) return [];
  const name = iniValue(sections, 'connection', 'interface-name');
  const address = iniValue(sections, 'ethernet', 'mac-address') ?? iniValue(sections, '802-3-ethernet', 'mac-address');
  return name !== undefined && isCardName(name) ? [{ name, mac: readMac(address) }] : [];
}
