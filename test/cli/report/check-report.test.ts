import { stripVTControlCharacters } from 'node:util';
import { expect, test } from '@jest/globals';
import { paintFor } from '../../../src/cli/text/color.ts';
import { checkReport } from '../../../src/cli/report/check-report.ts';
import { textWidth } from '../../../src/cli/text/text-width.ts';
import type { StatusFinding } from '../../../src/operations/status/types.ts';

const OK: StatusFinding = { area: 'host', check: 'runtime', level: 'ok', detail: 'Node.js 24.0.0 on linux 6.1 x64' };
const MISSING: StatusFinding = {
  area: 'host',
  check: 'guestfish',
  level: 'ok',
  detail: 'not found; --fix needs it',
  hint: 'Install the package libguestfs-tools (Debian, Ubuntu) or guestfs-tools (Fedora, RHEL).',
};
const CLOCK: StatusFinding = {
  area: 'server',
  check: 'clock',
  level: 'warning',
  detail: "the server's clock is 90 s ahead of this host's",
  hint: 'Set both by NTP: certificates and tickets depend on it.',
};
const REFUSED: StatusFinding = {
  area: 'server',
  check: 'log in',
  level: 'error',
  detail: 'refused',
  hint: 'Check it.',
};

test('each problem has its remedy below it, and the last line is the verdict', () => {
  expect(checkReport({ version: '1.2.3', findings: [OK, MISSING, CLOCK] }, undefined)).toEqual([
    'hyper2kvm 1.2.3',
    '',
    'This host',
    '  ok        runtime    Node.js 24.0.0 on linux 6.1 x64',
    '  optional  guestfish  not found; --fix needs it',
    '                       Remedy: Install the package libguestfs-tools (Debian, Ubuntu) or guestfs-tools (Fedora, RHEL).',
    '',
    'Server',
    "  warning   clock      the server's clock is 90 s ahead of this host's",
    '                       Remedy: Set both by NTP: certificates and tickets depend on it.',
    '',
    'Ready: 1 warning, 1 optional program missing.',
  ]);
  expect(checkReport({ version: '1', findings: [OK] }, 80).at(-1)).toBe('Ready.');
  expect(checkReport({ version: '1', findings: [MISSING, REFUSED] }, 80).at(-1)).toBe(
    'Not ready: 1 error, 1 optional program missing.',
  );
});

test.each([40, 80, 120])('at %i columns text is wrapped and nothing is cut', (width) => {
  const findings = [OK, MISSING, CLOCK, REFUSED];
  const lines = checkReport({ version: '1.2.3', findings }, width);
  expect(lines.filter((line) => textWidth(line) > width)).toEqual([]);
  const words = lines.join(' ').split(/ +/).join(' ');
  for (const { detail, hint = '' } of findings)
    expect(words).toContain(hint === '' ? detail : `${detail} Remedy: ${hint}`);
});

test('escape sequences of a server are made visible', () => {
  const findings = [{ ...REFUSED, detail: '\u001B[31mred', hint: '\u001B]0;x\u0007' }];
  expect(checkReport({ version: '1', findings }, 80).join('\n')).not.toMatch(/\p{Cc}(?<!\n)/u);
});

test('states have colors, and the columns stay aligned', () => {
  const paint = paintFor({ isTTY: true }, {});
  const result = { version: '1', findings: [OK, MISSING, CLOCK, REFUSED] };
  const colored = checkReport(result, 80, paint);
  expect(colored.join('\n')).toContain(paint('error', 'error'));
  expect(colored.join('\n')).toContain(paint('ok', 'ok'));
  expect(stripVTControlCharacters(colored.join('\n'))).toBe(checkReport(result, 80).join('\n'));
});
