import type { TargetHardware } from '../boot-check.ts';
import { splitWord, type KernelWord } from './boot-entry.ts';
import type { WordFinding } from './device-words.ts';

const MAC = /^(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}$/i;
/** dracut.cmdline(7) and the kernel's nfsroot.txt: the values of `ip=` that are not an address or an interface. */
const METHODS = /^(dhcp6?|on|any|auto6?|off|none|ibft|link6|link-local|both|bootp|rarp|either6?|single-dhcp)$/;

/** Checks `ip=`, `ifname=` and `BOOTIF=` of a command line: whether the target has the NICs that they name. */
export function checkNetworkWords(words: readonly KernelWord[], hardware: TargetHardware): WordFinding[] {
  const renamed = new Set<string>();
  const findings: WordFinding[] = [];
  for (const word of words) {
    const { name, value = '' } = splitWord(word);
    if (name === 'ifname') {
      const [, called = '', mac = ''] = /^([^:]+):(.+)$/.exec(value) ?? [];
      renamed.add(called);
      findings.push(checkMac(word, mac, hardware));
    } else if (name === 'BOOTIF')
      findings.push(checkMac(word, value.replace(/^[0-9a-f]{2}-(?=(?:[0-9a-f]{2}-){5})/i, ''), hardware));
  }
  const hasKernelNames = words.some(({ text }) => text === 'net.ifnames=0');
  for (const word of words) {
    const { name, value = '' } = splitWord(word);
    const device = name === 'ip' ? interfaceOf(value) : name === 'bootdev' ? value : undefined;
    if (device === undefined || renamed.has(device)) continue;
    findings.push(
      MAC.test(device) ? checkMac(word, device, hardware) : checkName(word, device, hasKernelNames, hardware),
    );
  }
  return findings;
}

/**
 * `ip=IF:dhcp`, `ip=ADDRESS:PEER:GATEWAY:MASK:HOST:IF:METHOD`, with IPv6 addresses in brackets; undefined if no
 * interface is named.
 */
function interfaceOf(value: string): string | undefined {
  const fields = value.replace(/\[[^\]]*\]/g, 'ipv6').split(':');
  const [first = '', second = ''] = fields;
  if (METHODS.test(first)) return undefined;
  if (METHODS.test(second)) return first;
  return fields[5] === '' ? undefined : fields[5];
}

function checkMac({ text, file, line }: KernelWord, written: string, { nics }: TargetHardware): WordFinding {
  const mac = written.replaceAll('-', ':').toLowerCase();
  if (nics === undefined)
    return { file, line, verdict: 'unknown', reason: `${text}: the VM's network adapters are not known.` };
  const index = nics.findIndex((nic) => nic.mac?.toLowerCase() === mac);
  if (index >= 0) return { file, line, verdict: 'ready', reason: `${text} is the VM's network adapter ${index + 1}.` };
  const isUnknown = nics.some((nic) => nic.mac === undefined);
  const reason = `${text}: no network adapter of the VM has the MAC address ${mac}.`;
  return { file, line, verdict: isUnknown ? 'unknown' : 'not-ready', reason };
}

function checkName(
  { text, file, line }: KernelWord,
  name: string,
  hasKernelNames: boolean,
  { nics }: TargetHardware,
): WordFinding {
  const [, number] = /^eth(\d+)$/.exec(name) ?? [];
  if (number === undefined || nics === undefined) {
    const reason = `${text}: which name the VM's network adapters get in the initramfs is not known.`;
    return { file, line, verdict: nics?.length === 0 ? 'not-ready' : 'unknown', reason };
  }
  const isThere = Number(number) < nics.length;
  if (!isThere) {
    const reason = `${text}: the VM has ${nics.length} network adapter${nics.length === 1 ? '' : 's'}, so there is no ${name}.`;
    return { file, line, verdict: 'not-ready', reason };
  }
  if (hasKernelNames)
    return {
      file,
      line,
      verdict: 'ready',
      reason: `${text}: ${name} is the VM's network adapter ${Number(number) + 1}.`,
    };
  const reason = `${text}: without net.ifnames=0 the initramfs may give ${name} another name.`;
  return { file, line, verdict: 'unknown', reason };
}
