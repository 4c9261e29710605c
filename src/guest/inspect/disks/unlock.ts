import { readFile } from 'node:fs/promises';
import { localFileError } from '../../../base/files/local-file-error.ts';
import { Hyper2kvmError } from '../../../base/errors.ts';
import { Secret } from '../../../base/text/secret.ts';
import type { BlockDevice, EncryptedVolume } from '../../guest.ts';
import type { Guestfs } from '../../guestfs.ts';
import { listBlockDevices } from './block-devices.ts';

/** The key of an encrypted volume: in a file, so that it does not appear in a command line. */
export interface DeviceKey {
  /** The appliance's name (`/dev/sda3`, `/dev/vg/root`), or `all`. */
  device: string;
  keyFile: string;
}

/** An opened volume, and the passphrase that opened it. */
export interface OpenedVolume extends EncryptedVolume {
  passphrase: Secret;
}

/** Most tools limit LUKS passphrases to 512 bytes. */
const MOST_KEY_BYTES = 4096;

/** blkid's type of an encrypted device. */
const LUKS_TYPE = 'crypto_LUKS';

/** The encrypted devices that were not opened. */
export function lockedDevices(
  devices: readonly BlockDevice[],
  opened: readonly EncryptedVolume[],
): readonly BlockDevice[] {
  return devices.filter(({ name, type }) => type === LUKS_TYPE && !opened.some(({ device }) => device === name));
}

/**
 * Opens the encrypted volumes for which there are keys as `luks-UUID`, in the order in which they become available: a
 * volume can be inside another one, through a logical volume or an array.
 * @throws if a key opens no volume, or its file cannot be read.
 */
export async function unlockVolumes(session: Guestfs, keys: readonly DeviceKey[]): Promise<OpenedVolume[]> {
  if (keys.length === 0) return [];
  const opened: OpenedVolume[] = [];
  const used = new Set<DeviceKey>();
  const tried = new Set<string>();
  const passphrases = new Map<DeviceKey, Secret>();
  for (const key of keys) passphrases.set(key, await readPassphrase(key.keyFile));
  for (;;) {
    const locked = (await listBlockDevices(session)).filter(({ name, type }) => type === LUKS_TYPE && !tried.has(name));
    if (locked.length === 0) break;
    for (const { name: device } of locked) {
      tried.add(device);
      const name = `luks-${await session.text(['luks-uuid', device])}`;
      for (const key of keys.filter((each) => each.device === device || each.device === 'all')) {
        const passphrase = passphrases.get(key) ?? new Secret('');
        if (!(await open(session, device, name, passphrase))) continue;
        opened.push({ device, name, passphrase });
        used.add(key);
        break;
      }
    }
    await session.call(['lvm-scan', 'true']);
  }
  const useless = keys.find((key) => !used.has(key));
  if (useless) throw opensNothing(useless, [...tried], opened);
  return opened;
}

/**
 * Closes the volumes and opens them under `names` (by encrypted device), so that the guest's programs find them by
 * the names in its configuration. Nothing must be mounted.
 */
export async function reopenAs(
  session: Guestfs,
  opened: readonly OpenedVolume[],
  names: ReadonlyMap<string, string>,
): Promise<OpenedVolume[]> {
  if (opened.every(({ device, name }) => (names.get(device) ?? name) === name)) return [...opened];
  await session.call(['vg-activate-all', 'false']);
  for (const { name } of opened.toReversed()) await session.call(['cryptsetup-close', `/dev/mapper/${name}`]);
  const reopened: OpenedVolume[] = [];
  for (const { device, name: before, passphrase } of opened) {
    const name = names.get(device) ?? before;
    if (!(await open(session, device, name, passphrase))) {
      throw new Hyper2kvmError('guest', `${device} could be opened as ${before}, but not as ${name}.`, {
        hint: '--fix off converts without changing the guest.',
      });
    }
    reopened.push({ device, name, passphrase });
    await session.call(['lvm-scan', 'true']);
  }
  return reopened;
}

async function open(session: Guestfs, device: string, name: string, passphrase: Secret): Promise<boolean> {
  const { error } = await session.outcome(['cryptsetup-open', device, name], { input: [passphrase.reveal()] });
  return error === undefined;
}

/** A single line, because guestfish reads one; the line end that an editor adds is removed. */
export async function readPassphrase(path: string): Promise<Secret> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw localFileError('read', path, error);
  });
  const key = text.replace(/\r?\n$/, '');
  if (key !== '' && key.length <= MOST_KEY_BYTES && !/[\n\0]/.test(key)) return new Secret(key);
  throw new Hyper2kvmError('usage', `${path} does not contain a one-line passphrase.`, {
    hint: 'Binary keys are not supported: add a passphrase to the volume with cryptsetup luksAddKey.',
  });
}

function opensNothing(
  { device, keyFile }: DeviceKey,
  encrypted: readonly string[],
  opened: readonly OpenedVolume[],
): Hyper2kvmError {
  const isThere = device === 'all' ? encrypted.length > 0 : encrypted.includes(device);
  if (!isThere) {
    const there = encrypted.length === 0 ? 'There is none.' : `There is: ${encrypted.join(', ')}.`;
    const sentence =
      device === 'all'
        ? '--key is given, but there is no encrypted volume.'
        : `--key names ${device}, which is not an encrypted volume.`;
    return new Hyper2kvmError('usage', sentence, { hint: there });
  }
  const locked = encrypted.filter((name) => !opened.some((volume) => volume.device === name));
  const what = device === 'all' ? locked.join(', ') || 'any volume' : device;
  return new Hyper2kvmError('guest', `The key in ${keyFile} does not open ${what}.`, { hint: 'Check --key.' });
}
