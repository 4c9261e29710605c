import { expect, test } from '@jest/globals';
import { Secret } from '../../../src/base/text/secret.ts';
import { Redactor, redactUrls } from '../../../src/cli/text/redact.ts';

test.each([
  ['https://joe:secret@vc/sdk', 'https://joe@vc/sdk'],
  ['"https://joe:p@ss:w%2Frd@vc:443/sdk" is wrong', '"https://joe@vc:443/sdk" is wrong'],
  ['https://:secret@vc', 'https://@vc'],
  ['joe:secret@vc.example.com', 'joe@vc.example.com'],
  ['--url=joe:secret@vc', '--url=joe@vc'],
  ['https://joe:pa#ss@vc', 'https://joe@vc'],
  ['joe:pa#s/s@vc', 'joe@vc'],
  ['administrator@vsphere.local:pw@vc', 'administrator@vsphere.local@vc'],
  ['https://vc/a https://joe:pw@vc/b', 'https://vc/a https://joe@vc/b'],
  ['host:/export/a@b', 'host:/export/a@b'],
  ['/dc/vm/a:b@c', '/dc/vm/a:b@c'],
  ['https://vc:443/folder@x', 'https://vc:443/folder@x'],
  ['at 12:30 joe@vc', 'at 12:30 joe@vc'],
])('%s is shown as %s', (text, shown) => {
  expect(redactUrls(text)).toBe(shown);
});

test('a known password is taken out wherever it stands', () => {
  const redactor = new Redactor();
  redactor.add(new Secret('Geheim!1'));
  redactor.add(new Secret('a'));
  expect(redactor.clean('a server said Geheim!1, twice: Geheim!1')).toBe('a server said ***, twice: ***');
});

test('a known password is taken out in the forms that XML, URLs and JSON give it', () => {
  const password = `a<b>&"c'd é`;
  const redactor = new Redactor();
  redactor.add(new Secret(password));
  const forms = [
    password,
    'a&lt;b&gt;&amp;&quot;c&apos;d é',
    `a&lt;b&gt;&amp;"c'd é`,
    encodeURIComponent(password),
    JSON.stringify(password),
    Buffer.from(password).toString('base64'),
  ];
  for (const form of forms) expect(redactor.clean(`: ${form} :`)).toMatch(/^: "?\*\*\*"? :$/);
});

test('a password that contains another one is taken out as one', () => {
  const redactor = new Redactor();
  for (const secret of ['geheim', 'geheim-123']) redactor.add(new Secret(secret));
  expect(redactor.clean('geheim-123 geheim')).toBe('*** ***');
});

test.each(['a', 'a:', '":"', 'a://', 'a:b@', '@', ' ', '=(:'])(
  'a million characters of %j are read in a moment',
  (unit) => {
    const text = unit.repeat(1_000_000 / unit.length);
    const startedUs = process.cpuUsage();
    new Redactor().clean(text);
    const { user, system } = process.cpuUsage(startedUs);
    // With quadratic time, this would take minutes.
    expect((user + system) / 1e6).toBeLessThan(5);
  },
);

test('a known password is taken out in mixed and nested forms, and is not confused with other texts', () => {
  const redactor = new Redactor();
  redactor.add(new Secret(`p&<ü 100%'`));
  const forms = [
    'p&amp;amp;&amp;lt;ü 100%&amp;apos;',
    'p&#38;&#x3C;&#xFC;&#32;100&#37;&#39;',
    'p%26%3c%c3%bc+100%25%27',
    '%70%26%3C%C3%BC%20%31%30%30%25%27',
    String.raw`p\u0026\u003c\u00fc 100%\u0027`,
    String.raw`p&amp;&lt;ü 100%\&apos;`,
    `p&<${Buffer.from('ü').toString('latin1')} 100%'\\''`,
  ];
  for (const form of forms) expect(redactor.mask(`: ${form} :`)).toBe(': *** :');
  expect(redactor.mask(`P&<Ü 100%'`)).toBe(`P&<Ü 100%'`);
});
