import type { Comparison } from './compare-guest.ts';
import { differencesFrom } from './guest-report.ts';
import type { FixResult, Judgement, MatrixBoot, PlanResult, Refusal, VirtV2vResult } from './matrix-stages.ts';

/** The measured results of a guest. A stage that did not run is absent. */
export interface MatrixRow {
  vmware?: MatrixBoot;
  before?: MatrixBoot;
  /** The contract's verdict on the unchanged guest, without a plan. */
  judged?: Judgement;
  plan?: PlanResult;
  after?: FixResult | Refusal;
  'virt-v2v'?: VirtV2vResult;
  compare?: Comparison;
  /** The date of the last stage. */
  date?: string;
}

const NOT_RUN = 'not run';

type Column = [title: string, cell: (row: MatrixRow) => string];

const COLUMNS: readonly Column[] = [
  ['on VMware’s hardware', ({ vmware }) => (vmware === undefined ? NOT_RUN : bootCell(vmware))],
  ['before, on virtio', ({ before }) => (before === undefined ? NOT_RUN : bootCell(before))],
  ['contract before', contractBefore],
  ['`--fix-plan`', ({ plan }) => (plan === undefined ? NOT_RUN : planCell(plan))],
  ['contract after', contractAfter],
  ['`convert --fix`', fixed(({ convertSeconds, hardware }) => `${seconds(convertSeconds)}, ${hardware}`)],
  ['`--boot-test`', fixed(bootTestCell)],
  ['its boot', fixed(({ boot }) => bootCell(boot))],
  ['differences from the first boot', differences],
  ['agree', agreement],
  ['date', ({ date }) => date ?? NOT_RUN],
];

const PEER_COLUMNS: readonly Column[] = [
  ['`virt-v2v`', ({ 'virt-v2v': peer }) => peer?.error ?? seconds(peer?.seconds ?? 0)],
  ['its boot', ({ 'virt-v2v': peer }) => (peer?.boot === undefined ? '–' : bootCell(peer.boot))],
];

/**
 * Returns a Markdown report: one row per guest, the results of virt-v2v for the guests on which it ran, and the
 * differences between each converted guest and its source.
 */
export function matrixReport(rows: readonly [name: string, row: MatrixRow][]): string {
  const compared = rows.flatMap(([name, { compare }]) => (compare === undefined ? [] : [comparison(name, compare)]));
  const peer = rows.filter(([, row]) => row['virt-v2v'] !== undefined);
  const tables = [table(COLUMNS, rows), ...(peer.length === 0 ? [] : [table(PEER_COLUMNS, peer)])];
  return [...tables, compared.join('')].filter((part) => part !== '').join('\n');
}

function contractBefore({ judged, plan }: MatrixRow): string {
  const before = plan?.before ?? judged;
  return before === undefined ? NOT_RUN : judgementCell(before);
}

function contractAfter({ plan, after }: MatrixRow): string {
  if (after === undefined) return plan === undefined ? NOT_RUN : judgementCell(plan.after);
  return judgementCell('refused' in after ? after.refused : after.contract);
}

/** A cell for a guest that was converted. */
function fixed(cell: (after: FixResult) => string): (row: MatrixRow) => string {
  return ({ after }) => (after === undefined ? NOT_RUN : 'refused' in after ? 'refused' : cell(after));
}

/** Returns the differences between the guest's first boot and its boot on virtio after the fix. */
function differences({ vmware, after }: MatrixRow): string {
  if (vmware?.report === undefined || after === undefined) return NOT_RUN;
  if ('refused' in after || after.boot.report === undefined) return '–';
  return (
    differencesFrom(vmware.report, after.boot.report)
      .map((each) => `\`${each}\``)
      .join(', ') || 'none'
  );
}

/**
 * Whether the contract's verdict on the result agrees with its boot. `ready` means that the guest boots as it did the
 * first time.
 */
function agreement(row: MatrixRow): string {
  const { after } = row;
  if (after === undefined || row.vmware === undefined || 'refused' in after) return NOT_RUN;
  const isAsBefore = after.boot.boots && after.boot.networkKept && differences(row) === 'none';
  return (after.contract.verdict === 'ready') === isAsBefore ? 'yes' : '**no**';
}

function comparison(name: string, { changedFiles, sameOutsideRoot }: Comparison): string {
  const files = changedFiles.map((line) => `\`${line}\``).join(', ');
  const outside = sameOutsideRoot ? 'the same to the byte' : '**not the same**';
  return `- \`${name}\` after the fix: files that differ from its source: ${files || 'none'}; all outside its root is ${outside}.\n`;
}

function table(columns: readonly Column[], rows: readonly [name: string, row: MatrixRow][]): string {
  const lines = [
    ['guest', ...columns.map(([title]) => title)],
    ['---', ...columns.map(() => '---')],
    ...rows.map(([name, row]) => [`\`${name}\``, ...columns.map(([, cell]) => cell(row).replaceAll('|', '\\|'))]),
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

const VERDICTS = { ready: 'ready', 'not-ready': 'not ready', unknown: 'cannot be judged' } as const;

function judgementCell({ verdict, reasons }: Judgement): string {
  const [first, ...more] = reasons;
  if (first === undefined) return VERDICTS[verdict];
  return `${VERDICTS[verdict]}: \`${first}\`${more.length > 0 ? ` and ${more.length} more` : ''}`;
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
