import { expect, test } from '@jest/globals';
import { inspect } from 'node:util';
import { secretInUrl } from '../../../src/base/text/secret.ts';
import { parseServerUrl } from '../../../src/vsphere/connection/server-url.ts';

test.each([
  ['https://joe:p%23ss@host', 'https://host/sdk', 'joe', 'p#ss'],
  ['joe:pw@host:8989', 'https://host:8989/sdk', 'joe', 'pw'],
  // The form in govc's documentation.
  ['https://administrator@vsphere.local:pw@host/sdk', 'https://host/sdk', 'administrator@vsphere.local', 'pw'],
  ['https://joe:a:b%40c@host', 'https://host/sdk', 'joe', 'a:b@c'],
  ['https://joe@host', 'https://host/sdk', 'joe', ''],
  ['https://DOM%5Cjoe:%C3%BC@[fd00::1]:444/', 'https://[fd00::1]:444/sdk', 'DOM\\joe', 'ü'],
  [' https://host\r', 'https://host/sdk', '', ''],
])('%s is read', (text, href, username, password) => {
  const parsed = parseServerUrl(text, '--url');
  expect([parsed.url.href, parsed.username, parsed.password.reveal()]).toEqual([href, username, password]);
});

test.each([
  'https://joe:hun#ter2@host',
  'https://joe:12#ter2@host',
  'https://joe:hun/ter2@host',
  'https://joe:12/ter2@host',
  'https://joe:hun?ter2@host',
  'https://joe:hun\\ter2@host',
  'https://joe:hun ter2@host',
  'https://joe:hun%zzter2@host',
  'https://joe:hun%ffter2@host',
  'https://joe:hunter2%@host',
  'https://joe:hün-ter2@host',
  'joe:hun#ter2@host',
  'https://joe:hun"ter2@host',
  'https://joe:hun\u0000ter2@host',
])('%j is refused, with how to encode it and nothing of the password', (text) => {
  let error: unknown;
  try {
    parseServerUrl(text, 'GOVC_URL');
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toMatchObject({
    kind: 'usage',
    message: 'GOVC_URL has a user name or password that is not percent-encoded.',
    hint: expect.stringContaining('# as %23'),
  });
  expect(inspect(error).replaceAll(/^ +at .*$/gm, '')).not.toMatch(/hun|ter2/);
});

test.each([
  ['https://joe:hun#t/er2@host', 'hun#t/er2'],
  ['joe:a@b@host', 'a@b'],
  ['https://host:443/sdk', ''],
  [undefined, ''],
])('the secret of %s for the redactor', (text, secret) => {
  expect(secretInUrl(text).reveal()).toBe(secret);
});
