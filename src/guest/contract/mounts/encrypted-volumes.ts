import type { BootCheck, BootSubject } from '../boot-check.ts';
import { parseCrypttab, type CrypttabEntry } from '../../config/crypttab.ts';
import { resolveDevice, type DeviceNames } from '../resolve-device.ts';
import { checkOf, judgeDevice, type Judged } from './wanted-device.ts';

const CRYPTTAB = '/etc/crypttab';
const SCRIPTS = '/lib/cryptsetup/scripts';

/** Checks each line of crypttab that is opened when the guest starts: its device and its key. */
export async function judgeEncryptedVolumes(subject: BootSubject, names: DeviceNames): Promise<Judged[]> {
  const judged: Judged[] = [];
  for (const entry of parseCrypttab((await subject.files.read(CRYPTTAB)) ?? '')) {
    if (entry.options.includes('noauto')) continue;
    const isAdvisory = entry.options.includes('nofail') || undefined;
    const isPlain = entry.options.some((option) => /^(plain|swap|tmp(=.*)?|bitlk|tcrypt.*)$/.test(option));
    const wanted = {
      spec: entry.source,
      type: isPlain ? '' : 'crypto_LUKS',
      purpose: `the encrypted volume ${entry.name}`,
      file: CRYPTTAB,
      line: entry.line,
      isAdvisory,
    };
    judged.push(judgeDevice(wanted, names));
    const key = await judgeKey(entry, subject, names);
    if (key) judged.push({ check: checkOf(wanted, ...key), device: undefined });
  }
  return judged;
}

type Finding = [BootCheck['verdict'], string];

/** Undefined if the guest prompts for the passphrase, as before. */
async function judgeKey(
  entry: CrypttabEntry,
  { files }: BootSubject,
  names: DeviceNames,
): Promise<Finding | undefined> {
  const { name, keyFile, options } = entry;
  const option = (key: string): string | undefined =>
    options.find((each) => each.startsWith(`${key}=`))?.slice(key.length + 1);
  if (option('tpm2-device') !== undefined) {
    return ['not-ready', `The key of ${name} is sealed in the TPM of the source, which does not move.`];
  }
  if (option('fido2-device') !== undefined || option('pkcs11-uri') !== undefined) {
    return ['unknown', `The key of ${name} is on a token, which the domain may not have.`];
  }
  const script = option('keyscript');
  if (script !== undefined) {
    const path = script.startsWith('/') ? script : `${SCRIPTS}/${script}`;
    if (!(await files.isFile(path)))
      return ['not-ready', `The key of ${name} comes from the script ${path}, which does not exist.`];
    if (!script.endsWith('passdev')) return ['ready', `The key of ${name} comes from the script ${path}.`];
    return judgeKeyDevice(name, (keyFile ?? '').split(':', 1)[0] ?? '', names);
  }
  if (keyFile === undefined) return undefined;
  if (/^\/dev\/(u?random|hwrng)$/.test(keyFile)) return ['ready', `The key of ${name} is a new one at every start.`];
  if (/^\/(dev|run)\//.test(keyFile))
    return keyFile.startsWith('/dev/')
      ? judgeKeyDevice(name, keyFile, names)
      : ['unknown', `The key file ${keyFile} of ${name} is made while the guest starts.`];
  const [, path = keyFile, device] = /^(\/[^:]*):(.+)$/.exec(keyFile) ?? [];
  const onDevice = device ?? option('keyfile-device');
  if (onDevice !== undefined) return judgeKeyDevice(name, onDevice, names);
  if (await files.isFile(path)) return ['ready', `The key file ${path} of ${name} exists.`];
  return ['not-ready', `The key file ${path} of ${name} does not exist.`];
}

function judgeKeyDevice(name: string, spec: string, names: DeviceNames): Finding {
  const resolution = resolveDevice(spec, names);
  if (resolution.state === 'found')
    return ['ready', `The key of ${name} is on ${spec}, which leads to ${resolution.device.name}.`];
  return [
    resolution.state === 'missing' ? 'not-ready' : 'unknown',
    `The key of ${name} is on ${spec}: ${resolution.reason}.`,
  ];
}
