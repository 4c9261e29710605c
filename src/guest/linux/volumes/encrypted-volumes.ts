import { parseCrypttab, type CrypttabEntry } from '../../config/crypttab.ts';
import type { Fix, GuestDraft } from '../../change.ts';
import type { Guest } from '../../guest.ts';
import { findDevice } from '../../inspect/disks/find-device.ts';
import { readUnlockMethods, type UnlockMethod } from '../../inspect/disks/luks-tokens.ts';
import { lockedDevices } from '../../inspect/disks/unlock.ts';

const CRYPTTAB = '/etc/crypttab';
/** Debian's key scripts that need nothing but the volumes and the keyboard. */
const PORTABLE_SCRIPTS = /(^|\/)(decrypt_derived|decrypt_keyctl|decrypt_ssl|decrypt_gnupg|decrypt_opensc)$/;
const RANDOM_KEYS = new Set(['/dev/urandom', '/dev/random', '/dev/hw_random']);

/**
 * Reports encrypted volumes that were not inspected, and those that are opened by something that does not move with
 * the disks.
 */
export const encryptedVolumes: Fix = {
  name: 'storage-names',
  async plan(guest, draft) {
    const { devices, opened, session } = guest;
    for (const { name } of lockedDevices(devices, opened)) {
      draft.warn(
        `${name} is encrypted (LUKS) and was not opened: what is in it was not checked. Give --key ${name}:file:PATH.`,
      );
    }
    for (const { name, type } of devices) {
      if (type !== 'crypto_LUKS') continue;
      for (const method of await readUnlockMethods(session, name)) draft.warn(methodWarning(name, method));
    }
    const entries = parseCrypttab((await draft.read(CRYPTTAB)) ?? '');
    for (const entry of entries) await checkEntry(guest, draft, entry);
  },
};

function methodWarning(device: string, method: UnlockMethod): string {
  switch (method.kind) {
    case 'tang': {
      const from = method.urls.length === 0 ? 'a Tang server' : `the Tang server ${method.urls.join(', ')}`;
      return `${device} is opened by Clevis with ${from}: that works if the guest reaches it while it starts; otherwise it asks for the passphrase.`;
    }
    case 'tpm2':
      return `${device} is opened by the TPM, and the TPM of the new VM is empty: the guest asks for the passphrase. Then bind the volume to the new TPM (clevis luks bind, systemd-cryptenroll).`;
    case 'fido2':
    case 'pkcs11':
      return `${device} is opened by a security token: pass the USB device through to the new VM, or keep a passphrase.`;
  }
}

async function checkEntry(guest: Guest, draft: GuestDraft, { name, keyFile, options }: CrypttabEntry): Promise<void> {
  const isOptional = options.some((option) => option === 'nofail' || option === 'noauto');
  const script = options.find((option) => option.startsWith('keyscript='))?.slice('keyscript='.length);
  if (script !== undefined) return checkScript(guest, draft, { name, keyFile, script });
  if (options.some((option) => option.startsWith('tpm2-device='))) {
    draft.warn(
      `${CRYPTTAB} opens ${name} by the TPM, and the TPM of the new VM is empty: the guest asks for the passphrase. Enrol the new TPM with systemd-cryptenroll.`,
    );
  }
  if (keyFile === undefined || RANDOM_KEYS.has(keyFile)) return;
  // systemd's `PATH:DEVICE` reads the file from another device.
  const [, path = keyFile, device] = /^(\/.*?):((?:[A-Z]+=|\/dev\/).+)$/.exec(keyFile) ?? [];
  const isDevice = device !== undefined || path.startsWith('/dev/');
  if (isDevice) {
    const spec = device ?? path;
    if (findDevice(spec, guest)) return;
    draft.warn(
      `${CRYPTTAB} reads the key of ${name} from ${spec}, which is not one of the VM's disks: attach that device to the new VM.`,
    );
  } else if (!(await guest.files.isFile(path))) {
    // A key that is only in the initramfs, or a program's socket, is not a file on the root file system.
    const message = `${CRYPTTAB} reads the key of ${name} from ${path}, which is not a file of the guest`;
    draft.warn(
      isOptional ? `${message}.` : `${message}: the guest asks for the passphrase if the initramfs has no copy of it.`,
    );
  }
}

function checkScript(
  guest: Guest,
  draft: GuestDraft,
  { name, keyFile = '', script }: { name: string; keyFile: string | undefined; script: string },
): void {
  if (PORTABLE_SCRIPTS.test(script)) return;
  if (/(^|\/)passdev$/.test(script)) {
    const device = keyFile.split(':')[0] ?? '';
    if (findDevice(device, guest)) return;
    draft.warn(
      `${CRYPTTAB} reads the key of ${name} from ${device}, which is not one of the VM's disks: attach that device to the new VM.`,
    );
    return;
  }
  draft.warn(
    `${CRYPTTAB} opens ${name} with the script ${script}: check that what it reads the key from exists on the new VM.`,
  );
}
