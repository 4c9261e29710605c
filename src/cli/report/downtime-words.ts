import { formatDuration } from '../../base/text/amounts.ts';
import type { DowntimeForecast } from '../../operations/sync/types.ts';

const MISSING: Readonly<Record<DowntimeForecast['missing'][number], { words: string; short: string }>> = {
  'second-round': { words: 'a second round', short: 'needs a round' },
  rehearsal: { words: 'a rehearsal (--rehearse)', short: 'not rehearsed' },
  'good-rehearsal': { words: 'a rehearsal that succeeds (--rehearse)', short: 'rehearsal failed' },
};

/** `about 1m 40s (final round 20s, guest fix 55s, boot 25s)`, or what is missing for a forecast. */
export function downtimeWords({ missing, isBootEmulated, ...forecast }: DowntimeForecast): string {
  const { seconds, roundSeconds, fixSeconds, bootSeconds } = forecast;
  if (seconds === null) {
    const needs = missing.map((each) => MISSING[each].words).join(' and ');
    return needs === '' ? 'not known' : `not known: it needs ${needs}`;
  }
  const parts = [
    `final round ${durationWords(roundSeconds)}`,
    `guest fix ${durationWords(fixSeconds)}`,
    `boot ${durationWords(bootSeconds)}${isBootEmulated === true ? ' in emulation' : ''}`,
  ];
  return `about ${durationWords(seconds)} (${parts.join(', ')})`;
}

/** For a column: `1m 40s`, or the first thing that is missing. */
export function shortDowntime(forecast: DowntimeForecast | null): string {
  if (forecast === null) return '';
  const [first] = forecast.missing;
  if (first !== undefined) return MISSING[first].short;
  return forecast.seconds === null ? '' : durationWords(forecast.seconds);
}

function durationWords(seconds: number | null): string {
  return seconds === null ? 'unknown' : formatDuration(seconds);
}
