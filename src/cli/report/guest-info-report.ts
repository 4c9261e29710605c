import { formatCount } from '../../base/text/amounts.ts';
import type { GuestInfo } from '../../operations/info/types.ts';
import type { Look } from '../text/look.ts';
import { safeText } from '../text/safe-text.ts';
import { renderTable } from '../text/table.ts';
import { bootLines } from './fix-report.ts';

/** The guest on the disks of a source: its system, its file systems, and whether it starts on virtio. */
export function guestInfoReport(guest: GuestInfo, { width, paint }: Look): string[] {
  if (!guest.found) {
    return [`System    none found: ${safeText([guest.reason, guest.hint].filter(Boolean).join(' '))}`];
  }
  const { system, kind, root, fileSystems, bootLoader, kernels, nics, encrypted, virtio } = guest;
  const lines = [`System    ${safeText(system)} on ${safeText(root)}`];
  if (kind === 'windows' || virtio === undefined) {
    return [...lines, 'Virtio    Windows needs the drivers of virtio-win: convert it with --virtio-win'];
  }
  const table = renderTable(
    [
      { header: 'DEVICE', cut: 'middle' },
      { header: 'TYPE' },
      { header: 'MOUNTED AT', cut: 'middle' },
      { header: 'LABEL', cut: 'end' },
    ],
    fileSystems.map(({ device, type, mountPoint, label }) => [device, type || '?', mountPoint ?? '', label ?? '']),
    width,
    paint,
  );
  return [
    ...lines,
    `Boots by  ${bootLoader === undefined ? 'no known boot loader' : `${bootLoader.name} (${safeText(bootLoader.file)})`}`,
    ...kernels.map(
      ({ version, hasInitramfs }) => `Kernel    ${safeText(version)}${hasInitramfs ? '' : ', without initramfs'}`,
    ),
    ...nics.map(({ mac, name, addresses }) => {
      const words = [name, addresses.join(' ') || 'no static address'].filter((word) => word !== undefined);
      return `Network   ${mac}: ${words.map(safeText).join(', ')}`;
    }),
    ...encrypted.map(({ device, isOpen }) => `Encrypted ${safeText(device)}${isOpen ? '' : ', not unlocked (--key)'}`),
    '',
    ...table,
    '',
    `The guest as it is ${VERDICTS[virtio.verdict]} on virtio hardware (${formatCount(virtio.checks.length, 'check')}).`,
    ...bootLines('On virtio', virtio).slice(1),
    ...(virtio.verdict === 'ready' ? [] : ['A conversion with --fix prepares it; --fix-plan shows how.']),
  ];
}

const VERDICTS = { ready: 'can start', 'not-ready': 'cannot start', unknown: 'cannot be judged' } as const;
