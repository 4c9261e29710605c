import { posix } from 'node:path';
import type { BlockDevice } from '../../../guest.ts';
import type { BootSubject } from '../../boot-check.ts';
import type { KernelWord, SourcePlace } from '../boot-entry.ts';
import type { ScriptWord } from './grub-script.ts';
import { guestPath, type LoaderPath } from '../loaders/loader-path.ts';

export type Subject = Pick<BootSubject, 'files' | 'mounts' | 'devices' | 'hardware'>;

/** The value of a variable, and where it was set. */
interface Value extends SourcePlace {
  text: string;
}

/**
 * The variables that GRUB sets before it reads a configuration: the features of 2.02 and later, which distributions'
 * files test.
 */
const FEATURES = [
  'feature_200_final',
  'feature_all_video_module',
  'feature_chainloader_bpb',
  'feature_default_font_path',
  'feature_menuentry_id',
  'feature_menuentry_options',
  'feature_nativedisk_cmd',
  'feature_ntldr',
  'feature_platform_search_hint',
  'feature_timeout_style',
];

/** GRUB's variables. A menu entry runs with a copy. */
export class GrubVariables {
  readonly #values: Map<string, Value>;
  readonly #exported: Set<string>;

  constructor(values: ReadonlyMap<string, Value> = new Map(), exported: ReadonlySet<string> = new Set()) {
    this.#values = new Map(values);
    this.#exported = new Set(exported);
  }

  /** The variables at the start of a configuration in `folder`. */
  static initial(
    { device, path }: LoaderPath,
    firmware: BootSubject['hardware']['firmware'],
    devices: readonly BlockDevice[],
  ): GrubVariables {
    const variables = new GrubVariables();
    const root = grubName(device, devices);
    const set = (name: string, text: string): void => {
      variables.set(name, { text, file: path, line: 1 });
      variables.export(name);
    };
    set('root', root);
    set('prefix', `(${root})${path}`);
    set('cmdpath', `(${root})${path}`);
    set('grub_platform', firmware === 'uefi' ? 'efi' : 'pc');
    set('grub_cpu', firmware === 'uefi' ? 'x86_64' : 'i386');
    for (const feature of FEATURES) set(feature, 'y');
    return variables;
  }

  copy(): GrubVariables {
    return new GrubVariables(this.#values, this.#exported);
  }

  /** The variables that a configuration started by `configfile` sees. */
  exportedOnly(): GrubVariables {
    return new GrubVariables(new Map([...this.#values].filter(([name]) => this.#exported.has(name))), this.#exported);
  }

  export(name: string): void {
    this.#exported.add(name);
  }

  set(name: string, value: Value): void {
    this.#values.set(name, value);
  }

  unset(name: string): void {
    this.#values.delete(name);
  }

  get(name: string): Value | undefined {
    return this.#values.get(name);
  }

  text(name: string): string {
    return this.#values.get(name)?.text ?? '';
  }

  /**
   * Expands a word into words. Each has the location where its text is written, so the words of a variable refer to
   * where the variable was set.
   */
  expand(word: ScriptWord, file: string): KernelWord[] {
    const done: KernelWord[] = [];
    let open: KernelWord | undefined;
    const add = (text: string, place: SourcePlace): void => {
      open = open ? { ...open, text: open.text + text } : { text, file: place.file, line: place.line };
    };
    for (const part of word.parts) {
      if ('text' in part) add(part.text, { file, line: word.line });
      else {
        const value = this.#values.get(part.variable);
        if (part.isQuoted) add(value?.text ?? '', value ?? { file, line: word.line });
        else if (value) {
          const pieces = value.text.split(/\s+/);
          for (const [index, piece] of pieces.entries()) {
            if (index > 0 && open) {
              done.push(open);
              open = undefined;
            }
            if (piece !== '') add(piece, value);
          }
        }
      }
    }
    return open ? [...done, open] : done;
  }
}

/** GRUB's name of a device: `hd0,2`; the appliance's name for devices other than disks and partitions. */
function grubName(device: string, devices: readonly BlockDevice[]): string {
  const found = devices.find(({ name }) => name === device);
  if (found?.disk === undefined) return device;
  return found.partition === undefined ? `hd${found.disk}` : `hd${found.disk},${found.partition}`;
}

/** The device with this GRUB name; undefined if there is none. */
export function grubDevice(name: string, devices: readonly BlockDevice[]): BlockDevice | undefined {
  const [, disk, partition] = /^hd(\d+)(?:,(?:[a-z]+)?(\d+))?$/.exec(name) ?? [];
  if (disk !== undefined) {
    const number = partition === undefined ? undefined : Number(partition);
    return devices.find((device) => device.disk === Number(disk) && device.partition === number);
  }
  const [, volume] = /^lvm\/(.+)$/.exec(name) ?? [];
  const [, uuid] = /^cryptouuid\/(.+)$/.exec(name) ?? [];
  if (uuid !== undefined) return insideEncrypted(uuid, devices);
  const path = volume === undefined ? name.replace(/^md\/(.+)$/, '/dev/md$1') : `/dev/mapper/${volume}`;
  return devices.find((device) => device.name === path || mapperName(device.name) === path);
}

/** GRUB opens the volume itself. The appliance names its content after the UUID, or after crypttab. */
function insideEncrypted(uuid: string, devices: readonly BlockDevice[]): BlockDevice | undefined {
  const opened = devices.filter(({ name, disk }) => disk === undefined && name.startsWith('/dev/mapper/'));
  return opened.find(({ name }) => plain(name).endsWith(plain(uuid))) ?? (opened.length === 1 ? opened[0] : undefined);
}

function plain(text: string): string {
  return text.replaceAll('-', '').toLowerCase();
}

/** `/dev/vg/lv` is `/dev/mapper/vg-lv`; dashes in names are doubled. */
function mapperName(name: string): string {
  const [, group, volume] = /^\/dev\/(?!mapper\/)([^/]+)\/([^/]+)$/.exec(name) ?? [];
  if (group === undefined || volume === undefined) return name;
  return `/dev/mapper/${group.replaceAll('-', '--')}-${volume.replaceAll('-', '--')}`;
}

/** Resolves `(hd0,gpt2)/vmlinuz`, or a path on the device of `$root`. The result explains why a device is not known. */
export function grubPath(
  written: string,
  variables: GrubVariables,
  { devices }: Pick<Subject, 'devices'>,
): LoaderPath | { why: string } {
  const [, named, path = written] = /^\(([^)]*)\)(.*)$/.exec(written) ?? [];
  const name = named ?? variables.text('root');
  const device = grubDevice(name.replace(/^\((.*)\)$/, '$1'), devices);
  return device
    ? { device: device.name, path: posix.normalize(`/${path}`) }
    : { why: `GRUB's device (${name}) is not one of this guest` };
}

/** The guest's path of a file that GRUB reads; undefined if it is not in the guest's tree. */
export function grubFile(written: string, variables: GrubVariables, subject: Subject): string | undefined {
  const found = grubPath(written, variables, subject);
  return 'why' in found ? undefined : guestPath(found, subject);
}

/** The variables that `load_env` sets: the `NAME=value` lines of an environment block. */
function readGrubenv(text: string, file: string): (Value & { name: string })[] {
  return text.split('\n').flatMap((line, index) => {
    const [, name, value] = /^([A-Za-z_][\w.]*)=(.*)$/.exec(line) ?? [];
    if (name === undefined || value === undefined) return [];
    return [{ name, text: value.replace(/\\(.)/g, '$1'), file, line: index + 1 }];
  });
}

/** GRUB's command `load_env`: sets all variables of an environment block, or only the named ones. */
export async function loadEnvironment(
  args: readonly string[],
  variables: GrubVariables,
  subject: Subject,
): Promise<void> {
  const at = args.findIndex((each) => each === '-f' || each === '--file');
  const named = at < 0 ? args.find((each) => each.startsWith('--file='))?.slice('--file='.length) : args[at + 1];
  const path = grubFile(named ?? `${variables.text('prefix')}/grubenv`, variables, subject);
  const text = path === undefined ? undefined : await subject.files.read(path);
  if (path === undefined || text === undefined) return;
  const first = at < 0 ? 0 : at + 2;
  const only = args.slice(first).filter((each) => !each.startsWith('-'));
  for (const { name, ...value } of readGrubenv(text, path)) {
    if (only.length === 0 || only.includes(name)) variables.set(name, value);
  }
}
