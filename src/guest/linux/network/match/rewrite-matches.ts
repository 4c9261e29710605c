import type { GuestDraft } from '../../../change.ts';
import type { Guest } from '../../../guest.ts';
import { rewriteNetplanMatch } from './netplan-match.ts';
import { rewriteDeviceLists, rewriteKeyfileMatch } from './network-manager-match.ts';
import { rewriteNetworkdMatch } from './networkd-match.ts';
import { sourceNics, type RewrittenMatches, type SourceNic } from './source-nics.ts';
import { rewriteUdevMatch } from './udev-match.ts';

interface Place {
  folder: string;
  names: RegExp;
  rewrite: (text: string, nics: readonly SourceNic[]) => RewrittenMatches;
}

const UNITS = '/etc/systemd/network';
const PLACES: readonly Place[] = [
  { folder: UNITS, names: /\.(network|link)$/, rewrite: rewriteNetworkdMatch },
  { folder: '/etc/netplan', names: /\.yaml$/, rewrite: rewriteNetplanMatch },
  { folder: '/etc/NetworkManager', names: /^NetworkManager\.conf$/, rewrite: rewriteDeviceLists },
  { folder: '/etc/NetworkManager/conf.d', names: /\.conf$/, rewrite: rewriteDeviceLists },
  { folder: '/etc/NetworkManager/system-connections', names: /^(?!.*~$)/, rewrite: rewriteKeyfileMatch },
  { folder: '/etc/udev/rules.d', names: /\.rules$/, rewrite: rewriteUdevMatch },
];

/** No network configuration has more files. */
const MOST_FILES = 200;

/**
 * Drafts new matches for configurations that match NICs by VMware's drivers or PCI addresses. They match by MAC
 * address instead, which does not change.
 */
export async function planMatches({ files, nics }: Guest, draft: GuestDraft): Promise<void> {
  const sources = sourceNics(nics);
  const dropIns = await files.find(UNITS, /\.(network|link)\.d$/);
  const places = [...PLACES, ...dropIns.map((folder) => ({ folder, names: /\.conf$/, rewrite: rewriteNetworkdMatch }))];
  for (const { folder, names, rewrite } of places) {
    for (const path of (await files.find(folder, names)).slice(0, MOST_FILES)) {
      const before = await draft.read(path);
      if (before === undefined) continue;
      const { text, details, problems } = rewrite(before, sources);
      for (const problem of problems) draft.warn(`${path}: ${problem}.`);
      if (text !== before) await draft.write('network', path, text, details);
    }
  }
}
