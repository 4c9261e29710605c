import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { findUefiFirmware } from '../../../../src/guest/boot/qemu/uefi-firmware.ts';
import { makeTemporaryFolder } from '../../../temporary-folder.ts';

let folder: string;
beforeEach(async () => {
  folder = await makeTemporaryFolder('h2k-firmware-');
  await Promise.all(['etc', 'usr'].map((name) => mkdir(join(folder, name))));
});
afterEach(() => rm(folder, { recursive: true }));

const places = () => [join(folder, 'etc'), join(folder, 'usr')];

interface Offer {
  features?: string[];
  machines?: string[];
  mode?: string;
  format?: string;
  missing?: boolean;
}

/** Writes a firmware descriptor in the form that distributions ship, and the flash images that it names. */
async function offer(
  place: 'etc' | 'usr',
  name: string,
  { features = [], machines, mode, format, missing }: Offer = {},
) {
  const [code, vars] = ['code', 'vars'].map((kind) => join(folder, `${name}.${kind}.fd`));
  if (missing !== true) await Promise.all([code, vars].map((path) => writeFile(path ?? '', 'flash')));
  const file = (filename: string | undefined) => ({ filename, format: format ?? 'raw' });
  const descriptor = {
    'interface-types': ['uefi'],
    mapping: { device: 'flash', ...(mode && { mode }), executable: file(code), 'nvram-template': file(vars) },
    targets: [{ architecture: 'x86_64', machines: machines ?? ['pc-i440fx-*', 'pc-q35-*'] }],
    features,
  };
  await writeFile(join(folder, place, `${name}.json`), JSON.stringify(descriptor));
}

const chosen = async (needs: { machine?: 'q35' | 'pc'; secureBoot?: boolean } = {}) =>
  findUefiFirmware({ machine: 'q35', secureBoot: false, ...needs }, places());

test('secure boot gets enrolled keys, everything else none, and no system management mode where that can be', async () => {
  await offer('usr', '40-enrolled', {
    features: ['secure-boot', 'requires-smm', 'enrolled-keys'],
    machines: ['pc-q35-*'],
  });
  await offer('usr', '50-secure', { features: ['secure-boot', 'requires-smm'], machines: ['pc-q35-*'] });
  await offer('usr', '60-plain', { format: 'qcow2' });
  expect(await chosen({ secureBoot: true })).toMatchObject({
    codePath: join(folder, '40-enrolled.code.fd'),
    needsSmm: true,
  });
  expect(await chosen()).toEqual({
    kind: 'uefi',
    codePath: join(folder, '60-plain.code.fd'),
    codeFormat: 'qcow2',
    varsPath: join(folder, '60-plain.vars.fd'),
    varsFormat: 'qcow2',
    needsSmm: false,
  });
  await rm(join(folder, 'usr', '60-plain.json'));
  expect(await chosen()).toMatchObject({ codePath: join(folder, '50-secure.code.fd'), needsSmm: true });
  await expect(chosen({ machine: 'pc' })).rejects.toMatchObject({
    kind: 'host',
    hint: expect.stringContaining('ovmf'),
  });
});

test('the host’s own descriptors come before the distribution’s, and an empty one hides it', async () => {
  await offer('usr', '50-a');
  await offer('usr', '60-b');
  await offer('etc', '70-c');
  await writeFile(join(folder, 'etc', '50-a.json'), '');
  expect(await chosen()).toMatchObject({ codePath: join(folder, '60-b.code.fd') });
});

test('stateless images, other machines, files that are missing and descriptors that are no JSON are passed over', async () => {
  await offer('usr', '10-stateless', { mode: 'stateless' });
  await offer('usr', '20-microvm', { machines: ['microvm'] });
  await offer('usr', '30-missing', { missing: true });
  await writeFile(join(folder, 'usr', '40-broken.json'), '{');
  await expect(chosen()).rejects.toMatchObject({ kind: 'host' });
  await offer('usr', '50-good');
  expect(await chosen()).toMatchObject({ codePath: join(folder, '50-good.code.fd') });
});
