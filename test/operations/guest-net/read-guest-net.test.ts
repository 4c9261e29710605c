import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { findGuestNet, foreignNics } from '../../../src/operations/guest-net/read-guest-net.ts';
import { TemporaryFolder } from '../../temporary-folder.ts';

const MAC = '00:50:56:00:00:0a';
const ADDRESS = { address: '192.0.2.10', prefix: 24 };

async function failureOf(text: string): Promise<string> {
  await using folder = await TemporaryFolder.make('guest-net-');
  const file = join(folder.path, 'a.json');
  await writeFile(file, text);
  const error: unknown = await findGuestNet('web.ova', file).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ kind: 'local-file', hint: expect.stringContaining('--guest-net FILE') });
  const { message = '' } = error instanceof Error ? error : {};
  const start = `The addresses in ${file} cannot be used: `;
  expect(message.startsWith(start)).toBe(true);
  return message.slice(start.length);
}

test('a file next to the source is found by name, and needs only MAC addresses and addresses', async () => {
  await using folder = await TemporaryFolder.make('guest-net-');
  const source = join(folder.path, 'web.01.ova');
  expect(await findGuestNet(source, undefined)).toBeUndefined();
  const file = join(folder.path, 'web.01.guest-net.json');
  const addresses = [ADDRESS, { address: '2001:DB8:0::10', origin: 'dhcp' }];
  await writeFile(file, JSON.stringify({ nics: [{ mac: MAC.toUpperCase(), addresses, gateways: ['2001:DB8::0:1'] }] }));
  const found = await findGuestNet(source, undefined);
  expect(found).toEqual({
    file,
    readAt: null,
    nics: [
      {
        mac: MAC,
        addresses: [
          { ...ADDRESS, origin: 'manual' },
          { address: '2001:db8::10', origin: 'dhcp' },
        ],
        gateways: ['2001:db8::1'],
        dns: [],
      },
    ],
  });
  expect(found && foreignNics(found, [MAC])).toBeUndefined();
  expect(found && foreignNics(found, [undefined, '00:50:56:00:00:0b'])).toBe(
    `${file} has addresses for ${MAC}, which is not a MAC address of the VM.`,
  );
});

test.each<[string, unknown, string]>([
  ['no NICs', {}, 'nics: Invalid key: Expected "nics" but received undefined.'],
  ['a wrong MAC address', { nics: [{ mac: '005056', addresses: [] }] }, 'nics.0.mac: Expected a MAC address such as'],
  ['no address list', { nics: [{ mac: MAC }] }, 'nics.0.addresses: Invalid key'],
  [
    'a wrong address',
    { nics: [{ mac: MAC, addresses: [ADDRESS, { address: '192.0.2.256' }] }] },
    'nics.0.addresses.1.address: Expected an IPv4 or IPv6 address.',
  ],
  [
    'a prefix as text',
    { nics: [{ mac: MAC, addresses: [{ address: '192.0.2.1', prefix: '24' }] }] },
    'nics.0.addresses.0.prefix: Invalid type: Expected number but received "24".',
  ],
  [
    'a prefix of IPv6 for IPv4',
    { nics: [{ mac: MAC, addresses: [{ address: '192.0.2.1', prefix: 64 }] }] },
    'nics.0.addresses.0: Expected a prefix of at most 32 for IPv4.',
  ],
  ['a wrong gateway', { nics: [{ mac: MAC, addresses: [], gateways: ['gw'] }] }, 'nics.0.gateways.0: Expected an IPv4'],
  [
    'a typing error',
    { nics: [{ mac: MAC, addresses: [], gateway: ['192.0.2.1'] }] },
    'nics.0.gateway is not a field; the fields are mac, network, connected, addresses, gateways, dns.',
  ],
  ['the same NIC twice', { nics: [MAC, MAC].map((mac) => ({ mac, addresses: [] })) }, `nics: ${MAC} is there twice.`],
  ['a later release', { schemaVersion: 2, nics: [] }, 'schemaVersion 2 is that of a later release.'],
])('%s is refused, and the field is named', async (_what, value, message) => {
  expect(await failureOf(JSON.stringify(value))).toContain(message);
});

test('text that is not JSON, and a folder, are refused; fields of a later release are not', async () => {
  expect(await failureOf('{')).toBe('it is not JSON.');
  await using folder = await TemporaryFolder.make('guest-net-');
  await mkdir(join(folder.path, 'a.json'));
  await expect(findGuestNet('a', join(folder.path, 'a.json'))).rejects.toMatchObject({ kind: 'local-file' });
  await expect(findGuestNet('a', join(folder.path, 'b.json'))).rejects.toMatchObject({ kind: 'local-file' });
  const file = join(folder.path, 'c.json');
  const nics = [{ mac: MAC, addresses: [], speed: 10 }];
  await writeFile(file, JSON.stringify({ readAt: '2026-12-01T12:00:00.000Z', nics }));
  expect((await findGuestNet('a', file))?.readAt).toBe('2026-12-01T12:00:00.000Z');
});
