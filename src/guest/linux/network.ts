import type { Fix, GuestDraft } from '../change.ts';
import type { Guest } from '../guest.ts';
import { configuredNics } from './network/configured-addresses.ts';
import { configuredNames } from './network/configured-names.ts';
import { planMatches } from './network/match/rewrite-matches.ts';
import { matchNics, type Binding } from './network/match-nics.ts';
import { hasPredictableNames } from './network/predictable-names.ts';

const NAME = 'network';
const RULES = '/etc/udev/rules.d/70-persistent-net.rules';
/** systemd supports `.link` files since version 209, which also ships this one. */
const DEFAULT_LINKS = ['/usr/lib/systemd/network/99-default.link', '/lib/systemd/network/99-default.link'];

/** Binds the NICs' old names to their MAC addresses, so that the guest's own configuration works unchanged. */
export const network: Fix = {
  name: NAME,
  async plan(guest, draft) {
    await planMatches(guest, draft);
    const { names, patterns } = await configuredNames(guest.files, (path) => draft.read(path));
    const hasLinks = await hasLinkFiles(guest);
    const isPredictable = hasLinks && (await hasPredictableNames(guest.files));
    const { bindings, unmatched, unnamed } = matchNics(names, guest.nics, !isPredictable);
    if (unmatched.length > 0) draft.warn(unmatchedWarning(unmatched, guest));
    const named = bindings.length + unnamed.length + names.filter(({ bound }) => bound === true).length;
    if (isPredictable && named < guest.nics.length) {
      for (const pattern of patterns) {
        draft.warn(`A configuration of networkd matches NICs named ${pattern}; a NIC may have another name on KVM.`);
      }
    }
    const bound = names.flatMap(({ name, mac }) => (mac === undefined ? [] : [{ name, mac }]));
    draft.configuredNics = await configuredNics(guest.files, (path) => draft.read(path), [...bindings, ...bound]);
    if (bindings.length + unnamed.length === 0) return;
    if (!hasLinks) return planRules(draft, bindings);
    // A NIC without a network configuration may be named in a firewall's or a program's.
    const others = isPredictable ? unnamed : [];
    await planLinks(draft, [...bindings, ...others]);
  },
};

function unmatchedWarning(names: readonly string[], { nics }: Guest): string {
  const unknown = nics.filter(({ mac }) => mac === undefined).length;
  const why =
    nics.length === 0 || unknown > 0 ? 'the MAC addresses of the VM are not known' : `the VM has ${nics.length} NICs`;
  return `The network is configured for ${names.join(', ')}, which could not be bound to a NIC: ${why}.`;
}

async function hasLinkFiles({ files }: Guest): Promise<boolean> {
  for (const path of DEFAULT_LINKS) if (await files.isFile(path)) return true;
  return false;
}

/** The first matching file in name order is used, so these sort before the files of systemd and netplan. */
async function planLinks(draft: GuestDraft, bindings: readonly Binding[]): Promise<void> {
  for (const { name, mac } of bindings) {
    // VLANs and bridges have the MAC address of their NIC; `Type=ether` excludes them.
    const text = `# Written by hyper2kvm: the NIC keeps its name.\n[Match]\nMACAddress=${mac}\nType=ether\n\n[Link]\nName=${name}\n`;
    await draft.write(NAME, `/etc/systemd/network/10-hyper2kvm-${name}.link`, text, [`${name} is the NIC ${mac}`]);
  }
}

async function planRules(draft: GuestDraft, bindings: readonly Binding[]): Promise<void> {
  if (bindings.length === 0) return;
  const before = (await draft.read(RULES)) ?? '';
  const rules = bindings.map(
    ({ name, mac }) =>
      `SUBSYSTEM=="net", ACTION=="add", DRIVERS=="?*", ATTR{address}=="${mac}", ATTR{type}=="1", NAME="${name}"\n`,
  );
  const end = before === '' || before.endsWith('\n') ? '' : '\n';
  const details = bindings.map(({ name, mac }) => `${name} is the NIC ${mac}`);
  await draft.write(NAME, RULES, before + end + rules.join(''), details);
}
