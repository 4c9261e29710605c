import type { BlockDevice } from '../../guest.ts';
import { fitsType } from '../../inspect/disks/find-device.ts';
import type { BootCheck } from '../boot-check.ts';
import { resolveDevice, type DeviceNames } from '../resolve-device.ts';

/** A device that the guest waits for when it starts. */
export interface WantedDevice {
  /** As written. */
  spec: string;
  /** The content type in the configuration; '' or `auto` if there is none. */
  type: string;
  /** A noun phrase for a sentence: `/srv`, `swap space`, `the encrypted volume data`. */
  purpose: string;
  file: string;
  line?: number | undefined;
  /** The boot continues without it. */
  isAdvisory?: true | undefined;
}

/** The result for a wanted device: the check, and the device if it exists. */
export interface Judged {
  check: BootCheck;
  device: BlockDevice | undefined;
}

/** Content types that one driver mounts under several names. */
const SAME_TYPES: Readonly<Record<string, string>> = {
  'ntfs-3g': 'ntfs',
  ntfs3: 'ntfs',
  fuseblk: 'ntfs',
  iso9660: 'udf',
};

export function judgeDevice(wanted: WantedDevice, names: DeviceNames): Judged {
  const { spec, type, purpose } = wanted;
  const resolution = resolveDevice(spec, names);
  if (resolution.state !== 'found') {
    const verdict = resolution.state === 'missing' ? 'not-ready' : 'unknown';
    return { check: checkOf(wanted, verdict, `${purpose} is on ${spec}: ${resolution.reason}.`), device: undefined };
  }
  const { device } = resolution;
  if (type !== '' && device.type === '') {
    return { check: checkOf(wanted, 'unknown', `${purpose} is on ${spec}, whose content is not known.`), device };
  }
  const isFitting = type.split(',').some((each) => fitsType(plainType(device.type), plainType(each)));
  if (!isFitting) {
    const reason = `${purpose} is on ${spec}, which leads to ${device.name}: its content is ${device.type}, not ${type}.`;
    return { check: checkOf(wanted, 'not-ready', reason), device };
  }
  return { check: checkOf(wanted, 'ready', `${purpose} is on ${spec}, which leads to ${device.name}.`), device };
}

export function checkOf(
  { file, line, isAdvisory }: Pick<WantedDevice, 'file' | 'line' | 'isAdvisory'>,
  verdict: BootCheck['verdict'],
  reason: string,
): BootCheck {
  return { area: 'mounts', verdict, file, line, reason, isAdvisory };
}

function plainType(type: string): string {
  return SAME_TYPES[type] ?? type;
}
