import { basename } from 'node:path';
import { formatBytes, formatCount } from '../../base/text/amounts.ts';
import type { SourceInfo } from '../../operations/info/types.ts';
import type { Look } from '../text/look.ts';
import { safeText } from '../text/safe-text.ts';
import { renderTable } from '../text/table.ts';
import { guestInfoReport } from './guest-info-report.ts';
import { CONTAINERS, originWords } from './conversion-words.ts';

/** What a source is: its VM, its disks, and its warnings. */
export function infoReport(info: SourceInfo, look: Look): string[] {
  const { width, paint } = look;
  const { source, container, manifestFiles, disks, warnings } = info;
  const manifest = manifestFiles === null ? '' : `, with a manifest of ${formatCount(manifestFiles, 'file')}`;
  const table = renderTable(
    [
      { header: '#', align: 'right' },
      { header: 'DISK', cut: 'middle' },
      { header: 'FORMAT', cut: 'end' },
      { header: 'CAPACITY', align: 'right' },
      { header: 'USED', align: 'right' },
      { header: 'SIZE', align: 'right' },
      ...(info.machine === undefined ? [] : [{ header: 'CONTROLLER' }]),
    ],
    disks.map((disk, index) => [
      String(index + 1),
      originWords(disk) || '(empty)',
      [disk.format, disk.variant].filter(Boolean).join(' '),
      formatBytes(disk.virtualSizeBytes),
      formatBytes(disk.usedBytes),
      formatBytes(disk.sizeBytes),
      disk.controller ?? '?',
    ]),
    width,
    paint,
  );
  return [
    `${safeText(source)} is ${CONTAINERS[container] ?? safeText(container)}${manifest}.`,
    ...machineLines(info),
    '',
    ...table,
    ...disks.flatMap(({ files }, index) =>
      files.length > 1
        ? [`Disk ${index + 1} has ${files.length} files: ${files.map((file) => safeText(basename(file))).join(', ')}`]
        : [],
    ),
    ...(info.guest === undefined ? [] : ['', ...guestInfoReport(info.guest, look)]),
    ...warnings.map((warning) => `Warning: ${safeText(warning)}`),
  ];
}

function machineLines({ machine }: SourceInfo): string[] {
  if (machine === undefined) return [];
  const { name, guestId, architecture, vcpus, coresPerSocket, memoryBytes, firmware, secureBoot, tpm, nics } = machine;
  const cores = coresPerSocket === undefined ? '' : `, ${formatCount(coresPerSocket, 'core')} per socket`;
  return [
    '',
    `VM        ${safeText(name)}`,
    `Guest     ${safeText(guestId ?? 'not specified')} (${safeText(architecture)})`,
    `Hardware  ${formatCount(vcpus, 'CPU')}${cores}, ${memoryBytes === undefined ? 'memory not specified' : `${formatBytes(memoryBytes)} memory`}`,
    `Firmware  ${firmware === 'uefi' ? 'UEFI' : 'BIOS'}${secureBoot ? ' with Secure Boot' : ''}${tpm ? ', TPM' : ''}`,
    ...nics.map(
      ({ mac, model, network }) =>
        `NIC       ${[mac ?? 'no MAC address', model, network ?? ''].filter(Boolean).map(safeText).join(', ')}`,
    ),
    ...(machine.cdRoms === 0 ? [] : [`CD-ROM    ${formatCount(machine.cdRoms, 'drive')}`]),
  ];
}
