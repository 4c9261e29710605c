import type { Comparison } from './compare-guest.ts';
import { differencesFrom } from './guest-report.ts';
import type { FixResult, MatrixBoot, PlanResult, VirtV2vResult } from './matrix-stages.ts';

/** What was measured of a guest; a stage that did not run is absent. */
export interface MatrixRow {
  vmware?: MatrixBoot;
  before?: MatrixBoot;
  plan?: PlanResult;
  after?: FixResult;
  'virt-v2v'?: VirtV2vResult;
  compare?: Comparison;
}

const NOT_RUN = 'not run';

const COLUMNS: readonly [title: string, cell: (row: MatrixRow) => string][] = [
  ['on VMware’s hardware', ({ vmware }) => (vmware === undefined ? NOT_RUN : bootCell(vmware))],
  ['before, on virtio', ({ before }) => (before === undefined ? NOT_RUN : bootCell(before))],
  ['`--fix-plan`', ({ plan }) => (plan === undefined ? NOT_RUN : planCell(plan))],
  [
    '`convert --fix`',
    ({ after }) => (after === undefined ? NOT_RUN : `${seconds(after.convertSeconds)}, ${after.hardware}`),
  ],
  ['its boot', ({ after }) => (after === undefined ? NOT_RUN : bootCell(after.boot))],
  ['`boot-test`', ({ after }) => (after === undefined ? NOT_RUN : bootTestCell(after))],
  ['`virt-v2v`', ({ 'virt-v2v': peer }) => (peer === undefined ? NOT_RUN : (peer.error ?? seconds(peer.seconds)))],
  [
    'its boot',
    ({ 'virt-v2v': peer }) => (peer === undefined ? NOT_RUN : peer.boot === undefined ? '–' : bootCell(peer.boot)),
  ],
];

/** A Markdown table with a row for each guest, and below it what of a converted guest is not as in its source. */
export function matrixReport(rows: readonly [name: string, row: MatrixRow][]): string {
  const compared = rows.flatMap(([name, { compare }]) => (compare === undefined ? [] : [comparison(name, compare)]));
  return `${matrixTable(rows)}\n${compared.join('')}${rows.map(([name, row]) => firstBoot(name, row)).join('')}`;
}

/** What the guest found on virtio after the fix that it did not find at its first boot. */
function firstBoot(name: string, { vmware, after }: MatrixRow): string {
  if (vmware?.report === undefined || after?.boot.report === undefined) return '';
  const differences = differencesFrom(vmware.report, after.boot.report);
  const found = differences.map((difference) => `\`${difference}\``).join(', ');
  return `- \`${name}\` after the fix, compared with its boot on VMware’s hardware: ${found || 'nothing differs'}.\n`;
}

function comparison(name: string, { changedFiles, sameOutsideRoot }: Comparison): string {
  const files = changedFiles.map((line) => `\`${line}\``).join(', ');
  const outside = sameOutsideRoot ? 'the same to the byte' : '**not the same**';
  return `- \`${name}\` after the fix: files that differ from its source: ${files || 'none'}; all outside its root is ${outside}.\n`;
}

function matrixTable(rows: readonly [name: string, row: MatrixRow][]): string {
  const lines = [
    ['guest', ...COLUMNS.map(([title]) => title)],
    ['---', ...COLUMNS.map(() => '---')],
    ...rows.map(([name, row]) => [`\`${name}\``, ...COLUMNS.map(([, cell]) => cell(row).replaceAll('|', '\\|'))]),
  ];
  return lines.map((cells) => `| ${cells.join(' | ')} |\n`).join('');
}

function bootCell(boot: MatrixBoot): string {
  if (!boot.boots)
    return `no: \`${(boot.sign ?? 'nothing until the time was over').trim()}\`, ${seconds(boot.seconds)}`;
  const cards = Object.entries(boot.cards).map(([name, state]) => `${name} ${state}`);
  const silent = boot.networkKept || cards.some((card) => !card.endsWith(' up')) ? '' : ' (not as on VMware)';
  return `boots, ${cards.join(', ')}${silent}, ${seconds(boot.seconds)}`;
}

function planCell({ changes, changedNothing }: PlanResult): string {
  return `${changes} changes, ${changedNothing ? 'changed nothing' : '**changed something**'}`;
}

function bootTestCell({ bootTest }: FixResult): string {
  const network = bootTest.networkUp === true ? 'network up' : 'network silent';
  return `${bootTest.verdict}, ${network}, ${seconds(bootTest.seconds)}`;
}

function seconds(value: number): string {
  return `${Math.round(value)} s`;
}
