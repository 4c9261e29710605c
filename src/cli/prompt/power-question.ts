import type { ListedVm } from '../../operations/list/list-types.ts';
import { safeText } from '../text/safe-text.ts';
import { pickOne, type Choice } from './pick-one.ts';
import type { PromptTerminal } from './run-prompt.ts';

/** The flags of `export` for a VM that is not powered off. */
export interface PowerFlags {
  snapshot?: true;
  shutdown?: string;
  restart?: true;
}

/** How an export begins, in the form of the flags and of the command line. */
export interface PowerAnswer {
  flags: PowerFlags;
  words: string[];
}

export type PoweredVm = Pick<ListedVm, 'name' | 'powerState' | 'template'>;

/** In the form of `--shutdown` without a value. */
const SHUTDOWN_TIME = '5';
/** Names in the question. */
const MOST_NAMES = 5;

/** The VMs of which an export needs `--snapshot` or `--shutdown`. */
export function notOff<Vm extends PoweredVm>(vms: readonly Vm[]): Vm[] {
  return vms.filter(({ powerState }) => powerState === 'poweredOn' || powerState === 'suspended');
}

/** Asks how VMs that are not powered off are to be exported. Undefined if the user cancels. */
export function askPower(
  vms: readonly PoweredVm[],
  ofVms: number,
  terminal: PromptTerminal,
): Promise<PowerAnswer | undefined> {
  return pickOne(powerQuestion(vms, ofVms), powerChoices(vms), terminal);
}

export function powerQuestion(vms: readonly PoweredVm[], ofVms: number): string {
  const state = vms.every(({ powerState }) => powerState === 'poweredOn') ? 'powered on' : 'not powered off';
  const [first] = vms;
  if (vms.length === 1 && ofVms === 1 && first !== undefined) {
    return `${safeText(first.name)} is ${first.powerState === 'suspended' ? 'suspended' : state}:`;
  }
  const names = vms.slice(0, MOST_NAMES).map(({ name }) => safeText(name));
  const more = vms.length > MOST_NAMES ? ` and ${vms.length - MOST_NAMES} more` : '';
  return `${vms.length} of ${ofVms} VMs ${vms.length === 1 ? 'is' : 'are'} ${state} (${names.join(', ')}${more}):`;
}

/** A guest that does not run cannot be shut down. */
export function powerChoices(vms: readonly PoweredVm[]): Choice<PowerAnswer | undefined>[] {
  const canShutDown = vms.every(({ powerState }) => powerState === 'poweredOn');
  return [
    {
      words: `Export from a temporary snapshot${canShutDown ? ', and keep it running' : ''} (--snapshot)`,
      value: { flags: { snapshot: true }, words: ['--snapshot'] },
    },
    ...(canShutDown
      ? [
          {
            words: 'Shut down the guest first (--shutdown)',
            value: { flags: { shutdown: SHUTDOWN_TIME }, words: ['--shutdown'] },
          },
          {
            words: 'Shut down the guest, and power it on after the export (--shutdown --restart)',
            value: { flags: { shutdown: SHUTDOWN_TIME, restart: true as const }, words: ['--shutdown', '--restart'] },
          },
        ]
      : []),
    { words: 'Cancel', value: undefined },
  ];
}
