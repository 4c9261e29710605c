import { Flags, type Interfaces } from '@oclif/core';
import { Hyper2kvmError } from '../../base/errors.ts';
import type { OptionalValue } from '../../cli/input/optional-values.ts';
import { HARDWARE_OPTIONS, type DomainOptions, type NetworkOptions } from '../../operations/domain/types.ts';

/** The libvirt that `--define` alone means. */
const DEFAULT_LIBVIRT = 'qemu:///system';

/** No name of a VM has a scheme, `//` and all. */
export const OPTIONAL_LIBVIRT: OptionalValue = {
  bare: DEFAULT_LIBVIRT,
  accepts: (word) => /^[a-z][a-z0-9+.-]*:\/\//i.test(word),
};

/** The flags about the domain, which `export` and `convert` share. */
export const DOMAIN_FLAGS = {
  hardware: Flags.option({
    options: HARDWARE_OPTIONS,
    description:
      'What the VM runs on: virtio; source is the controllers and cards that it had on VMware, as QEMU emulates them; sata is AHCI and e1000e, which most systems drive as they are. Default: auto, which decides by the guest and by the QEMU of this host, and says why.',
  })(),
  network: Flags.string({
    multiple: true,
    multipleNonGreedy: true,
    helpValue: '[SOURCE=]NAME',
    description:
      'The libvirt network of the VM’s cards, or of those on the network SOURCE of VMware. Can be given several times. Default: the network default of libvirt.',
  }),
  define: Flags.string({
    helpValue: '[=URI]',
    description: `Make the domain known to libvirt by virsh define; it is not started. Without =URI it is ${DEFAULT_LIBVIRT}. A domain that is there already is replaced with --force only, and only by the same VM.`,
  }),
  kubevirt: Flags.boolean({
    default: false,
    description:
      'Write a VirtualMachine of KubeVirt (kubevirt.io/v1) instead of the libvirt domain; comments in it tell how to upload the disks. NAME of --network is then a NetworkAttachmentDefinition; without it the first card is on the pods’ network.',
  }),
};

type DomainFlagValues = Interfaces.InferredFlags<typeof DOMAIN_FLAGS>;

/** Reads the flags about the domain. Throws usage errors. */
export function readDomainOptions(flags: DomainFlagValues & { 'boot-test': boolean }): DomainOptions {
  const { hardware = 'auto', network, define, kubevirt } = flags;
  if (define === '') throw new Hyper2kvmError('usage', '--define= names no libvirt.', { hint: 'Give --define alone.' });
  const other = (['define', 'boot-test'] as const).find((name) => flags[name] !== undefined && flags[name] !== false);
  if (kubevirt && other !== undefined) {
    throw new Hyper2kvmError('usage', `--${other} needs a libvirt domain, and --kubevirt writes none.`, {
      hint: 'Leave one of them out.',
    });
  }
  return {
    hardware,
    networks: network === undefined ? undefined : readNetworks(network),
    define,
    kubevirt,
  };
}

/** A name of libvirt's has no equals sign; one of VMware's may. */
function readNetworks(texts: readonly string[]): NetworkOptions {
  const of = new Map<string, string>();
  let all: string | undefined;
  for (const text of texts) {
    const [, source, name] = /^(?:(.+)=)?([^=]+)$/.exec(text) ?? [];
    if (name === undefined) {
      const hint = 'As --network br0-net, or --network "VM Network=br0-net" for the cards on one network of VMware.';
      throw new Hyper2kvmError('usage', `--network wants NAME or SOURCE=NAME, not "${text}".`, { hint });
    }
    if (source === undefined ? all !== undefined : of.has(source)) {
      const which = source === undefined ? 'all networks' : source;
      const hint = 'Give one for each network of VMware, and one for the rest.';
      throw new Hyper2kvmError('usage', `--network tells twice what becomes of ${which}.`, { hint });
    }
    if (source === undefined) all = name;
    else of.set(source, name);
  }
  return { all, of };
}

/** Throws a usage error for a flag about the domain where `format` comes with none. */
export function needDomain(flags: DomainFlagValues, format: string): void {
  const given = (['hardware', 'network', 'define', 'kubevirt'] as const).find(
    (name) => flags[name] !== undefined && flags[name] !== false,
  );
  if (given === undefined) return;
  throw new Hyper2kvmError('usage', `--${given} needs a domain, and --format ${format} writes none.`, {
    hint: 'Add --format qcow2 or --format raw.',
  });
}
