import type { BlockDevice } from '../../../guest.ts';
import type { GrubVariables, Subject } from './grub-environment.ts';

/** The variable that `search` sets, and its query. `device` is undefined if no device matches. */
export interface GrubSearch {
  variable: string;
  device: string | undefined;
  sought: string;
}

/**
 * `search --fs-uuid --set=root UUID`, `search.fs_uuid UUID root HINT`, and the same by label. A search by file is not
 * supported.
 */
export function searchDevice(
  name: string,
  args: readonly string[],
  variables: GrubVariables,
  { devices }: Pick<Subject, 'devices'>,
): GrubSearch {
  const [, dotted] = /^search\.(.+)$/.exec(name) ?? [];
  const { variable, by, value } = dotted === undefined ? readOptions(args) : readDotted(dotted, args);
  if (by === 'file')
    return { variable, device: variables.text(variable) || variables.text('root'), sought: `file ${value}` };
  const found = devices.find((device) => isMeant(device, by, value));
  // `grubDevice` also accepts the appliance's names.
  return { variable, device: found?.name, sought: `${by === 'label' ? 'label' : 'UUID'} ${value}` };
}

function isMeant({ uuid, label, type }: BlockDevice, by: 'uuid' | 'label', value: string): boolean {
  // A member of a volume group or array has a UUID, but no file system.
  if (/_member$|^crypto_/.test(type)) return false;
  return by === 'label' ? label === value : uuid?.toLowerCase() === value.toLowerCase();
}

interface Wanted {
  variable: string;
  by: 'uuid' | 'label' | 'file';
  value: string;
}

function readDotted(dotted: string, [value = '', variable = 'root']: readonly string[]): Wanted {
  const by = dotted === 'fs_uuid' ? 'uuid' : dotted === 'fs_label' ? 'label' : 'file';
  return { variable, by, value };
}

function readOptions(args: readonly string[]): Wanted {
  const wanted: Wanted = { variable: 'root', by: 'file', value: '' };
  for (const [at, word] of args.entries()) {
    if (word.startsWith('--set=')) wanted.variable = word.slice('--set='.length);
    else if (word === '--fs-uuid' || word === '-u') wanted.by = 'uuid';
    else if (word === '--label' || word === '-l' || word === '--fs-label') wanted.by = 'label';
    // `--set root UUID`: the last word is the UUID.
    else if (!word.startsWith('-')) {
      if (args[at - 1] === '--set' && at < args.length - 1) wanted.variable = word;
      else if (!args[at - 1]?.startsWith('--hint') || args[at - 1]?.includes('=')) wanted.value = word;
    }
  }
  return wanted;
}
