import { pciAddressOf } from '../../../inspect/pci-slot.ts';
import type { GuestNic } from '../../../guest.ts';
import { readMac } from '../../../inspect/interface-name.ts';

/**
 * The properties by which a configuration could match a NIC on VMware. Undefined if the source does not contain them.
 */
export interface SourceNic {
  mac: string | undefined;
  /** The names of its Linux drivers. */
  drivers: readonly string[] | undefined;
  /** `0000:0b:00.0` */
  pciAddress: string | undefined;
  /** The PCI vendor and device ids, `0x15ad` and `0x07b0`. */
  ids: { vendor: string; device: string } | undefined;
}

/** The result of rewriting one file's matches. */
export interface RewrittenMatches {
  /** The same text if there is nothing to change. */
  text: string;
  /** One per change, for reports. */
  details: string[];
  /** Sentences about matches that were kept although the domain's NICs may not satisfy them. */
  problems: string[];
}

interface Model {
  drivers: readonly string[];
  vendor: string;
  device: string;
}

/** From the kernel's PCI device tables; `vmxnet` was the driver of VMware Tools for older models. */
const MODELS: Readonly<Record<string, Model>> = {
  vmxnet3: { drivers: ['vmxnet3'], vendor: '0x15ad', device: '0x07b0' },
  vmxnet2: { drivers: ['vmxnet', 'pcnet32'], vendor: '0x15ad', device: '0x0720' },
  vmxnet: { drivers: ['vmxnet', 'pcnet32'], vendor: '0x15ad', device: '0x0720' },
  e1000: { drivers: ['e1000'], vendor: '0x8086', device: '0x100f' },
  e1000e: { drivers: ['e1000e'], vendor: '0x8086', device: '0x10d3' },
  pcnet32: { drivers: ['pcnet32', 'vmxnet'], vendor: '0x1022', device: '0x2000' },
  vlance: { drivers: ['pcnet32', 'vmxnet'], vendor: '0x1022', device: '0x2000' },
};

export function sourceNics(nics: readonly GuestNic[]): SourceNic[] {
  return nics.map(({ mac, model, pciSlotNumber }) => {
    const known = MODELS[model ?? ''];
    return {
      mac: readMac(mac),
      drivers: known?.drivers,
      pciAddress: pciAddressOf(pciSlotNumber),
      ids: known && { vendor: known.vendor, device: known.device },
    };
  });
}

/** Whether one NIC satisfies a match; undefined if that is not known. */
export type NicTest = (nic: SourceNic) => boolean | undefined;

/**
 * The NICs that satisfied all tests on VMware; the end of a sentence if that, or the MAC address of one of them, is
 * not known.
 */
export function matchedNics(
  nics: readonly SourceNic[],
  tests: readonly NicTest[],
): { macs: string[] } | { unknown: string } {
  const answers = nics.map((nic) => tests.map((test) => test(nic)));
  if (nics.length === 0) return { unknown: 'the NICs of the source are not known' };
  const doubtful = answers.some((each) => !each.includes(false) && each.includes(undefined));
  if (doubtful) return { unknown: 'the source does not contain the models or the PCI slots of its NICs' };
  const matched = nics.filter((_nic, index) => answers[index]?.every((answer) => answer === true));
  const macs = matched.flatMap(({ mac }) => mac ?? []);
  if (macs.length < matched.length) return { unknown: 'the source does not contain the MAC addresses of its NICs' };
  return { macs };
}

/** Matches a driver's name against `fnmatch` patterns. */
export function hasDriver(patterns: readonly string[]): NicTest {
  const fits = patterns.map(globPattern);
  return ({ drivers }) => drivers && drivers.some((driver) => fits.some((pattern) => pattern.test(driver)));
}

/** Matches udev's `ID_PATH`: `pci-0000:0b:00.0`. */
export function hasPath(patterns: readonly string[]): NicTest {
  const fits = patterns.map(globPattern);
  return ({ pciAddress }) =>
    pciAddress === undefined ? undefined : fits.some((pattern) => pattern.test(`pci-${pciAddress}`));
}

export function hasMac(macs: readonly string[]): NicTest {
  return ({ mac }) => (mac === undefined ? undefined : macs.includes(mac));
}

export function not(test: NicTest): NicTest {
  return (nic) => {
    const answer = test(nic);
    return answer === undefined ? undefined : !answer;
  };
}

/** `*`, `?` and sets in brackets, as in the shell. */
export function globPattern(glob: string): RegExp {
  const source = glob.replace(/\[!|[\\^$.|+(){}*?]/g, (part) => {
    if (part === '*') return '.*';
    if (part === '?') return '.';
    return part === '[!' ? '[^' : `\\${part}`;
  });
  try {
    return new RegExp(`^${source}$`);
  } catch {
    // An unclosed bracket is a literal character.
    return new RegExp(`^${glob.replace(/[\\^$.|+(){}*?[\]-]/g, '\\$&')}$`);
  }
}
