import { formatBytes, formatDuration } from '../../base/text/amounts.ts';
import type { CutoverResult, CutoverStep, RollbackResult } from '../../operations/cutover/types.ts';
import { safeText } from '../text/safe-text.ts';
import { shellWord } from '../text/shell-word.ts';

/** What the time of a step was spent on. */
const STEP_WORDS: Readonly<Partial<Record<CutoverStep, string>>> = {
  'warm-rounds': 'rounds',
  'final-round': 'final round',
  audit: 'audit',
  guest: 'preparing the guest',
  commit: 'writing its changes',
  domain: 'domain',
  start: 'start',
  wait: 'until the sign of life',
};

const SIGN_WORDS = { 'guest-agent': 'an answer of the guest agent', network: 'a packet of the guest' } as const;

/** The result of `cutover` as text, with what to do next. */
export function cutoverSummary(result: CutoverResult | RollbackResult): string[] {
  const lines = result.state === 'done' ? cutOverLines(result) : rolledBackLines(result);
  return [
    ...lines,
    ...result.warnings.map((warning) => `  Warning: ${safeText(warning)}`),
    '',
    `Details: hyper2kvm status --job ${result.job}`,
  ];
}

function cutOverLines(result: CutoverResult): string[] {
  const { vm, domain, rounds, sign, output, finishedAt } = result;
  const name = safeText(domain.name);
  const where = domain.uri === null ? '' : ` in libvirt at ${safeText(domain.uri)}`;
  return [
    `${safeText(vm)}: cut over at ${finishedAt}`,
    ...rounds.map(
      ({ kind, changedBytes, seconds }) =>
        `  ${roundWords(kind)}: ${formatBytes(changedBytes)} changed, in ${formatDuration(seconds)}`,
    ),
    ...downtimeLines(result),
    ...(sign === null ? [] : [`  ${name} runs${where}; the first sign of life was ${SIGN_WORDS[sign]}`]),
    ...nextLines(result),
    '  The source is powered off and was not changed. Do not power it on while the VM runs here.',
    `  To give the VM back: hyper2kvm cutover ${shellWord(vm)} --output ${shellWord(folderOf(output))} --rollback --force`,
    '  To keep it here: check the guest, then delete the source, or remove it from the inventory.',
  ];
}

function roundWords(kind: CutoverResult['rounds'][number]['kind']): string {
  return { warm: 'Round', final: 'Final round', audit: 'Audit' }[kind];
}

function downtimeLines({ downtime, domain }: CutoverResult): string[] {
  if (downtime === null) return ['  The source was already off.'];
  const end = domain.isStarted ? 'the sign of life' : 'the end of the cutover';
  return [
    `  Downtime: ${formatDuration(downtime.seconds)} from power-off to ${end}, after ${formatDuration(downtime.shutdownSeconds)} for the shutdown`,
    ...downtime.parts.map(({ step, seconds }) => `    ${STEP_WORDS[step] ?? step}: ${formatDuration(seconds)}`),
  ];
}

function nextLines({ domain }: CutoverResult): string[] {
  if (domain.isStarted) return [];
  const { uri, path, name } = domain;
  if (uri !== null) return ['  To start it:', `    virsh --connect ${shellWord(uri)} start ${shellWord(name)}`];
  return ['  To make it a VM of this host:', `    virsh define ${shellWord(path)}`];
}

function rolledBackLines({ vm, step, source, domain, output }: RollbackResult): string[] {
  return [
    `${safeText(vm)}: rolled back from the step ${step}`,
    ...(domain === null
      ? []
      : [`  The domain ${safeText(domain.name)} is ${domain.wasUndefined ? 'undefined' : 'removed'}`]),
    source === 'on' ? '  The source is powered on.' : '  The source is powered off, as it was before the cutover.',
    `  sync continues with the replica in ${safeText(output)}.`,
  ];
}

/** The folder of the replicas. */
function folderOf(output: string): string {
  return output.replace(/\/[^/]*$/, '') || '/';
}
