import { formatDuration } from '../../base/text/amounts.ts';
import type { BootTestResult } from '../../operations/boot-test/types.ts';
import { safeText } from '../text/safe-text.ts';
import { renderTable } from '../text/table.ts';

/** The last console lines contain little information when the guest started successfully. */
const SHOWN_LINES = 4;

/** The result of a boot test as text: the verdict with its time, each sign, and where to look. */
export function bootTestReport(result: BootTestResult, width: number | undefined): string[] {
  const { verdict, failure, nics, accelerator, picture, serialLog, failedUnits, lastLines, warnings } = result;
  const how = accelerator === 'kvm' ? 'with KVM' : 'in emulation';
  const prompt = seenWords('login prompt', result.loginPromptSeconds);
  const agent = seenWords('guest agent', result.guestAgentSeconds);
  const frames = nics.map(({ mac, firstFrameSeconds }) => seenWords(`first frame of ${mac}`, firstFrameSeconds));
  const console = verdict === 'booted' ? [] : lastLines.slice(-SHOWN_LINES);
  return [
    `${safeText(result.name)}: ${bootTestWords(result)}, ${how}`,
    `  Seen: ${[prompt, agent, ...frames].join(', ')}`,
    ...nics.filter(({ firstFrameSeconds }) => firstFrameSeconds !== null).map(sentLine),
    ...addressTable(nics, width).map((line) => `  ${line}`),
    ...(failure === undefined ? [] : [`  Failed after ${secondsWords(failure.seconds)}: ${safeText(failure.text)}`]),
    ...(failedUnits.length === 0 ? [] : ['  Failed units:', ...failedUnits.map((line) => `    ${safeText(line)}`)]),
    ...(console.length === 0 ? [] : ['  Console:', ...console.map((line) => `    ${safeText(line)}`)]),
    ...warnings.map((warning) => `  Warning: ${safeText(warning)}`),
    ...(picture === null ? [] : [`  Screen:  ${safeText(picture)}`]),
    `  Log:     ${safeText(serialLog)}`,
  ];
}

type BootTestSigns = Pick<
  BootTestResult,
  'verdict' | 'networkUp' | 'seconds' | 'loginPromptSeconds' | 'guestAgentSeconds'
> & {
  failure?: { words: string } | undefined;
  nics: readonly { firstFrameSeconds: number | null }[];
};

/** The verdict in brief: `came up in 23 s, network up`. */
export function bootTestWords({ verdict, networkUp, failure, seconds, ...signs }: BootTestSigns): string {
  if (failure !== undefined) return `did not come up: ${failure.words}`;
  if (verdict === 'no-sign') return `no sign of life in ${formatDuration(seconds)}`;
  const frames = signs.nics.map(({ firstFrameSeconds }) => firstFrameSeconds);
  const first = [signs.loginPromptSeconds, signs.guestAgentSeconds, ...frames].filter((time) => time !== null);
  const network = networkUp === null ? '' : networkUp ? ', network up' : ', network silent';
  return `came up in ${secondsWords(Math.min(...first))}${network}`;
}

/** `Sent by 00:50:56:00:00:0a: from 192.0.2.10, ARP for 192.0.2.1`: shows which network the NIC is configured for. */
function sentLine({ mac, sent: { dhcp, addresses, arpTargets }, configured }: BootTestResult['nics'][number]): string {
  const words = [
    dhcp ? 'DHCP requests' : '',
    addresses.length === 0 ? '' : `from ${addresses.join(', ')}`,
    arpTargets.length === 0 ? '' : `ARP for ${arpTargets.join(', ')}`,
  ].filter(Boolean);
  const known = configured === null ? '' : ` (configured: ${safeText(configured.join(', '))})`;
  return `  Sent by ${mac}: ${words.length === 0 ? 'no frame with an address' : words.join('; ')}${known}`;
}

/** Narrower terminals have no room for the expected addresses, which are also in the words about a difference. */
const LEAST_WIDTH_OF_EXPECTED = 70;

/** A row for each NIC, if an address is known to compare with. */
function addressTable(nics: BootTestResult['nics'], width: number | undefined): string[] {
  if (nics.every(({ address }) => address.verdict === 'not-compared')) return [];
  const isNarrow = width !== undefined && width < LEAST_WIDTH_OF_EXPECTED;
  const expected = isNarrow ? [] : [{ header: 'EXPECTED', cut: 'end' } as const];
  const columns = [{ header: 'NIC' }, ...expected, { header: 'IN THE BOOT TEST', cut: 'wrap' } as const];
  const rows = nics.map(({ mac, address }) => [mac, ...expected.map(() => address.expected.join(', ')), address.words]);
  return renderTable(columns, rows, width === undefined ? undefined : width - 2);
}

function seenWords(what: string, seconds: number | null): string {
  return seconds === null ? `no ${what}` : `${what} ${secondsWords(seconds)}`;
}

function secondsWords(seconds: number): string {
  return seconds < 60 ? `${seconds.toFixed(1)} s` : formatDuration(seconds);
}
