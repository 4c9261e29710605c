import { expect, test } from '@jest/globals';
import { Redactor, redactUrls } from '../../src/cli/redact.ts';

test.each([
  ['https://joe:secret@vc/sdk', 'https://joe@vc/sdk'],
  ['"https://joe:p@ss:w%2Frd@vc:443/sdk" is wrong', '"https://joe@vc:443/sdk" is wrong'],
  ['https://:secret@vc', 'https://@vc'],
  ['joe:secret@vc.example.com', 'joe@vc.example.com'],
  ['--url=joe:secret@vc', '--url=joe@vc'],
  ['https://vc:443/folder@x', 'https://vc:443/folder@x'],
  ['at 12:30 joe@vc', 'at 12:30 joe@vc'],
])('%s is shown as %s', (text, shown) => {
  expect(redactUrls(text)).toBe(shown);
});

test('a known password is taken out wherever it stands', () => {
  const redactor = new Redactor();
  redactor.add('Geheim!1');
  redactor.add('a');
  expect(redactor.clean('a server said Geheim!1, twice: Geheim!1')).toBe('a server said ***, twice: ***');
});
