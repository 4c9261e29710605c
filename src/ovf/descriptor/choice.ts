import { Hyper2kvmError } from '../../base/errors.ts';
import type { OvfElement, RefuseDescriptor } from './envelope.ts';
import { sectionsOf, systemsOf, type FoundSystem } from './sections.ts';

/**
 * The selected VM of a package, and its deployment configuration. Undefined selects the only VM and the default
 * configuration.
 */
export interface OvfChoice {
  vm?: string | undefined;
  configuration?: string | undefined;
}

/** A longer list of names in an error message is not helpful. */
const MOST_NAMES = 20;

/**
 * Returns the VM whose name, or otherwise whose ID, is `wanted`. If `wanted` is undefined, the package must contain
 * exactly one VM.
 */
export function chooseSystem(
  envelope: OvfElement,
  wanted: string | undefined,
  label: string,
  refuse: RefuseDescriptor,
): FoundSystem {
  const systems = systemsOf(envelope);
  const [first, ...others] = systems;
  if (first === undefined) return refuse('it describes no virtual machine');
  const names = namesOf(systems.map(({ system }) => nameOf(system)));
  if (wanted === undefined) {
    if (others.length === 0) return first;
    return refuse(
      `it describes ${systems.length} virtual machines (${names}), but only one can be converted at a time`,
      'Choose one with --vm NAME.',
    );
  }
  const byName = systems.filter(({ system }) => nameOf(system) === wanted);
  const byId = systems.filter(({ system }) => system.attribute('id') === wanted);
  const [found, second] = byName.length === 1 ? byName : byId;
  if (found !== undefined && second === undefined) return found;
  if (byName.length > 1) {
    const ids = namesOf(byName.map(({ system }) => system.attribute('id') ?? ''));
    throw new Hyper2kvmError('not-found', `${label} describes ${byName.length} VMs with the name "${wanted}".`, {
      hint: `Give --vm the id of one of them: ${ids}.`,
    });
  }
  throw new Hyper2kvmError('not-found', `${label} describes no VM "${wanted}".`, { hint: `It describes ${names}.` });
}

/**
 * DSP0243, 9.8: returns the configuration `wanted`, otherwise the one marked as default, otherwise the first. Undefined
 * if there are none.
 */
export function chooseConfiguration(
  envelope: OvfElement,
  wanted: string | undefined,
  label: string,
): string | undefined {
  const options = sectionsOf(envelope, 'DeploymentOptionSection').flatMap((each) => each.children('Configuration'));
  const ids = options.flatMap((option) => option.attribute('id') ?? []);
  if (wanted !== undefined && !ids.includes(wanted)) {
    throw new Hyper2kvmError('not-found', `${label} has no deployment configuration "${wanted}".`, {
      hint: ids.length === 0 ? 'It has none: omit --configuration.' : `It has ${namesOf(ids)}.`,
    });
  }
  const marked = options.find((option) => ['true', '1'].includes(option.attribute('default') ?? ''));
  return wanted ?? marked?.attribute('id') ?? ids[0];
}

/** `Name` is optional, and VirtualBox omits it. The ID is required. */
export function nameOf(system: OvfElement): string {
  const hardware = sectionsOf(system, 'VirtualHardwareSection')[0];
  const identifiers = hardware?.children('System').flatMap((each) => each.children('VirtualSystemIdentifier', 'vssd'));
  const candidates = [
    system.children('Name')[0]?.text(),
    system.attribute('id')?.trim(),
    ...(identifiers ?? []).map((each) => each.text()),
  ];
  return candidates.find((name) => name !== undefined && name !== '') ?? '';
}

function namesOf(texts: readonly string[]): string {
  const shown = texts.slice(0, MOST_NAMES).map((text) => JSON.stringify(text));
  return `${shown.join(', ')}${texts.length > MOST_NAMES ? ', …' : ''}`;
}
