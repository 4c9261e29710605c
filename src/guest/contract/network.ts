import type { GuestTree } from '../guest-tree.ts';
import type { BootCheck, BootCheckReader } from './boot-check.ts';
import { readIfcfg } from './network/ifcfg.ts';
import { readIfupdown } from './network/ifupdown.ts';
import type { InterfaceUse } from './network/interface-use.ts';
import { readKernelWords } from './network/kernel-words.ts';
import { judgeUses } from './network/judge-use.ts';
import { readNetplan } from './network/netplan.ts';
import { isEnabled, readNetworkd } from './network/networkd.ts';
import { readNetworkManager } from './network/network-manager.ts';
import { nameNics, readNamingScheme } from './network/nic-names.ts';
import { checkNicDrivers } from './network/nic-drivers.ts';
import { nicsOf } from './network/nic.ts';

/** Whether each configured interface belongs to the target's NIC that it had on VMware. */
export const checkNetwork: BootCheckReader = async (subject) => {
  const { files, hardware } = subject;
  const context = { kernelWords: await readKernelWords(subject) };
  const netplan = await readNetplan(files);
  const uses = [
    ...netplan.uses,
    ...(await readNetworkd(files, context)),
    ...(await readNetworkManager(files)),
    ...(await readIfupdown(files)),
    ...(await readIfcfg(files)),
  ];
  const unread = netplan.unread.map((file) =>
    verdict('unknown', file, `${file} is written in a way that is not read.`),
  );
  if (hardware.nics === undefined) return [...unread, ...uses.map(notDescribed)];
  const nics = nicsOf(hardware);
  if (nics.length === 0) return [verdict('ready', '/etc', 'The VM has no NICs.')];
  const scheme = await readNamingScheme(files, context);
  const named = nameNics(nics, { ...scheme, links: [...netplan.renames, ...scheme.links] });
  const checks = [
    ...unread,
    ...(await checkNicDrivers(subject)),
    ...named.checks,
    ...judgeUses(uses, nics, named, scheme.hasKernelNames),
  ];
  if (checks.some(({ isAdvisory }) => isAdvisory !== true)) return checks;
  return [...checks, await withoutConfiguration(files)];
};

/** Reports programs that use DHCP on NICs without a configuration. */
async function withoutConfiguration(files: GuestTree): Promise<BootCheck> {
  for (const path of [
    '/usr/sbin/NetworkManager',
    '/usr/bin/cloud-init',
    '/usr/sbin/dhcpcd',
    '/usr/bin/dhcpcd',
    '/sbin/dhcpcd',
  ]) {
    if (await files.isFile(path))
      return verdict('ready', path, `No interface is configured: ${path} uses DHCP on all NICs.`);
  }
  if (await isEnabled(files, 'connman.service'))
    return verdict('ready', '/etc', 'No interface is configured: ConnMan uses DHCP on all NICs.');
  return verdict('unknown', '/etc', 'No configuration of the network was found that can be read.');
}

/** A standalone disk image does not describe the NICs of its VM. */
function notDescribed({ title, file, line }: InterfaceUse): BootCheck {
  return {
    ...verdict('unknown', file, `Which NIC ${title} is for is not known: the source describes no VM.`),
    line,
    isAdvisory: true,
  };
}

function verdict(result: BootCheck['verdict'], file: string, reason: string): BootCheck {
  return { area: 'network', verdict: result, file, reason };
}
