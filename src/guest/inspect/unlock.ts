import { readFile } from 'node:fs/promises';
import { localFileError } from '../../base/local-file-error.ts';
import { Hyper2kvmError } from '../../base/errors.ts';
import { Secret } from '../../base/secret.ts';
import type { Guestfs } from '../guestfs.ts';

/** The key of an encrypted volume: in a file, so that it stands in no command line. */
export interface DeviceKey {
  /** As the appliance calls it (`/dev/sda3`, `/dev/vg/root`), or `all`. */
  device: string;
  keyFile: string;
}

/** A passphrase of LUKS ends at 512 bytes in most tools. */
const MOST_KEY_BYTES = 4096;

/** Opens the encrypted volumes that there are keys for, and what is inside them: LVM. Throws when a key does not fit, or its file cannot be read. */
export async function unlockDevices(session: Guestfs, keys: readonly DeviceKey[]): Promise<void> {
  if (keys.length === 0) return;
  const encrypted = await encryptedDevices(session);
  for (const { device, keyFile } of keys) {
    const meant = device === 'all' ? encrypted : encrypted.filter((name) => name === device);
    if (meant.length === 0) throw notEncrypted(device, encrypted);
    const passphrase = await readKey(keyFile);
    for (const name of meant) {
      const uuid = await session.text(['luks-uuid', name]);
      const { error } = await session.outcome(['cryptsetup-open', name, `luks-${uuid}`], {
        input: [passphrase.reveal()],
      });
      if (error !== undefined) {
        throw new Hyper2kvmError('guest', `The key in ${keyFile} does not open ${name}.`, { hint: 'Check --key.' });
      }
    }
  }
  await session.call(['lvm-scan', 'true']);
}

async function encryptedDevices(session: Guestfs): Promise<string[]> {
  const lines = await session.lines(['list-filesystems']);
  return lines.filter((line) => line.endsWith(': crypto_LUKS')).map((line) => line.slice(0, line.lastIndexOf(': ')));
}

/** One line, as guestfish reads it; the line end of an editor is no part of it. */
async function readKey(path: string): Promise<Secret> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw localFileError('read', path, error);
  });
  const key = text.replace(/\r?\n$/, '');
  if (key !== '' && key.length <= MOST_KEY_BYTES && !/[\n\0]/.test(key)) return new Secret(key);
  throw new Hyper2kvmError('usage', `${path} holds no passphrase of one line.`, {
    hint: 'Keys of raw bytes are not read: add a passphrase to the volume with cryptsetup luksAddKey.',
  });
}

function notEncrypted(device: string, encrypted: readonly string[]): Hyper2kvmError {
  const there = encrypted.length === 0 ? 'There is none.' : `There is: ${encrypted.join(', ')}.`;
  return new Hyper2kvmError('usage', `--key names ${device}, which is no encrypted volume.`, { hint: there });
}
