import { optionDevices } from '../../config/option-devices.ts';
import { deviceOf } from '../../guest.ts';
import { optionValue } from '../../inspect/disks/fstab.ts';
import type { CheckVerdict } from '../boot-check.ts';
import { resolveDevice, type DeviceNames } from '../resolve-device.ts';
import type { VolumeKind } from '../root-stack.ts';
import { splitWord, type KernelWord, type SourcePlace } from './boot-entry.ts';

/** The device or file that a word of a command line refers to. */
export interface WordFinding extends SourcePlace {
  verdict: CheckVerdict;
  /** A sentence. */
  reason: string;
}

interface Word {
  name: string;
  value: string;
  word: KernelWord;
}

/** The options of dracut (including those before 2012) and of systemd. */
const LUKS_UUID = new Set(['rd.luks.uuid', 'luks.uuid', 'rd_LUKS_UUID']);
const LUKS_NAME = new Set(['rd.luks.name', 'luks.name']);

/** The volumes that the words of the command line open: `/dev/mapper/NAME` from a device. */
export function volumesOfWords(words: readonly KernelWord[]): { name: string; source: string }[] {
  return valuesOf(words).flatMap(({ name, value }) => {
    const uuid = value.replace(/^luks-/, '');
    if (LUKS_UUID.has(name)) return [{ name: `luks-${uuid}`, source: `UUID=${uuid}` }];
    const [, of = '', called] = /^([^=]+)=(.+)$/.exec(value) ?? [];
    if (LUKS_NAME.has(name) && called !== undefined) return [{ name: called, source: `UUID=${of}` }];
    const [, source, mapped] = CRYPTDEVICE.exec(value) ?? [];
    if (name === 'cryptdevice' && source !== undefined && mapped !== undefined) return [{ name: mapped, source }];
    return [];
  });
}

/** `DEVICE:NAME[:OPTIONS]`; a by-path name contains colons itself. */
const CRYPTDEVICE = /^(.+?):([\w.-]+)(?::[\w,.-]+)?$/;

/** Checks that the target has the device that each word names. `names` includes the volumes that the words open. */
export function checkDeviceWords(words: readonly KernelWord[], names: DeviceNames): WordFinding[] {
  return valuesOf(words).flatMap((each) => {
    const { name, value } = each;
    if (name === 'root') return checkRoot(each, names);
    if (name === 'resume' || name === 'rd.luks.partuuid' || name === 'fstab.root')
      return [checkDevice(each, value, names)];
    if (name === 'rd.luks.key' || name === 'cryptkey') return checkKeyDevice(each, names);
    if (LUKS_UUID.has(name)) return [checkDevice(each, `UUID=${value.replace(/^luks-/, '')}`, names)];
    if (LUKS_NAME.has(name)) return [checkDevice(each, `UUID=${value.split('=')[0] ?? ''}`, names)];
    if (name === 'cryptdevice') return [checkDevice(each, CRYPTDEVICE.exec(value)?.[1] ?? value, names)];
    if (name === 'rd.lvm.lv' || name === 'rd_LVM_LV') return [checkDevice(each, `/dev/${value}`, names)];
    if (name === 'rd.lvm.vg' || name === 'rd_LVM_VG') return [checkGroup(each, names)];
    if (name === 'rootflags') return checkRootFlags(each, names);
    if (name === 'rd.md.uuid' || name === 'rd_MD_UUID')
      return [checkDevice(each, `/dev/disk/by-id/md-uuid-${value}`, names)];
    return [];
  });
}

/** Features that the command line turns off although the root file system needs them. */
export function checkSwitches(words: readonly KernelWord[], needs: ReadonlySet<VolumeKind>): WordFinding[] {
  return words.flatMap((word) => {
    const [, what = ''] =
      /^(?:rd\.)?(luks|lvm|md)=(?:0|no|off)$/.exec(word.text) ?? /^rd_NO_(LUKS|LVM|MD)$/.exec(word.text) ?? [];
    const kind = what.toLowerCase();
    if (!(kind === 'luks' || kind === 'lvm' || kind === 'md') || !needs.has(kind)) return [];
    return [
      { ...placeOf(word), verdict: 'not-ready', reason: `${word.text} switches off what the root file system is on.` },
    ];
  });
}

/**
 * The words with a value. Every occurrence of a repeated word is used, except for `root`, of which the last one is
 * used.
 */
function valuesOf(words: readonly KernelWord[]): Word[] {
  const all = words.flatMap((word) => {
    const { name, value } = splitWord(word);
    return value === undefined || value === '' ? [] : [{ name, value, word }];
  });
  const root = all.findLast(({ name }) => name === 'root');
  return all.filter((each) => each.name !== 'root' || each === root);
}

function checkDevice({ word }: Word, spec: string, names: DeviceNames): WordFinding {
  const found = resolveDevice(spec, names);
  if (found.state === 'found') {
    return { ...placeOf(word), verdict: 'ready', reason: `${word.text} leads to ${found.device.name}.` };
  }
  const verdict = found.state === 'missing' ? 'not-ready' : 'unknown';
  return { ...placeOf(word), verdict, reason: `${word.text} leads to no device: ${found.reason}.` };
}

/** Root file systems that are not on a disk of the VM. */
const OTHER_ROOT = /^(nfs|nbd|live|iscsi|netroot|dhcp|zfs|ZFS=|rpool|\/dev\/nfs|\/dev\/ram|gpt-auto|tmpfs|none)/;

function checkRoot(each: Word, names: DeviceNames): WordFinding[] {
  const { word } = each;
  if (OTHER_ROOT.test(each.value)) {
    return [{ ...placeOf(word), verdict: 'unknown', reason: `${word.text} does not name a disk of the VM.` }];
  }
  const spec = each.value.replace(/^block:/, '');
  const found = resolveDevice(spec, names);
  const rootName = deviceOf(names.mounts.find(({ path }) => path === '/')?.mountable ?? '');
  const root = names.devices.find(({ name }) => name === rootName);
  if (found.state !== 'found' || !root || !names.devices.includes(found.device))
    return [checkDevice(each, spec, names)];
  // The devices of one btrfs file system share its UUID.
  const isRoot = found.device === root || (root.uuid !== undefined && found.device.uuid === root.uuid);
  if (isRoot) return [checkDevice(each, spec, names)];
  const reason = `${word.text} leads to ${found.device.name}, and the root file system is on ${root.name}.`;
  return [{ ...placeOf(word), verdict: 'not-ready', reason }];
}

/** The devices of mount options, and the subvolume of btrfs. */
function checkRootFlags(each: Word, names: DeviceNames): WordFinding[] {
  const { value, word } = each;
  const options = value.split(',');
  const findings = optionDevices(options).map(({ spec }) => checkDevice(each, spec, names));
  const wanted = optionValue(options, 'subvol');
  const { mountable = '' } = names.mounts.find(({ path }) => path === '/') ?? {};
  if (wanted === undefined || !mountable.startsWith('btrfsvol:')) return findings;
  const checked = mountable.slice(`btrfsvol:${deviceOf(mountable)}`.length);
  if (plainPath(wanted) === plainPath(checked)) return findings;
  const reason = `${word.text} mounts another subvolume than ${plainPath(checked)}, whose files were checked.`;
  return [...findings, { ...placeOf(word), verdict: 'not-ready', reason }];
}

function plainPath(path: string): string {
  return path.replace(/^\/+|\/+$/g, '');
}

/** `rd.luks.key=PATH:DEVICE:...`, `cryptkey=DEVICE:TYPE:PATH`: only a key on a separate device is checked. */
function checkKeyDevice(each: Word, names: DeviceNames): WordFinding[] {
  const parts = each.value.split(':');
  const device = each.name === 'cryptkey' ? parts[0] : parts[1];
  if (device === undefined || device === '' || device === 'rootfs') return [];
  return [checkDevice(each, device, names)];
}

function checkGroup({ value, word }: Word, { devices }: DeviceNames): WordFinding {
  const isThere = devices.some(({ volumeGroup, name }) => volumeGroup === value || name.startsWith(`/dev/${value}/`));
  const isHidden = !isThere && devices.some(({ type }) => type === 'crypto_LUKS');
  const verdict = isThere ? 'ready' : isHidden ? 'unknown' : 'not-ready';
  return { ...placeOf(word), verdict, reason: `${word.text}: there is ${isThere ? 'a' : 'no'} volume group ${value}.` };
}

function placeOf({ file, line }: SourcePlace): SourcePlace {
  return { file, line };
}
