import { Flags, type Interfaces } from '@oclif/core';
import { Hyper2kvmError } from '../../base/errors.ts';
import type { OptionalValue } from '../../cli/input/optional-values.ts';
import { HARDWARE_OPTIONS, type DomainOptions, type NetworkOptions } from '../../operations/domain/types.ts';

/** The libvirt URI for `--define` without a value. */
const DEFAULT_LIBVIRT = 'qemu:///system';

/** A VM name never contains a scheme and `//`. */
export const OPTIONAL_LIBVIRT: OptionalValue = {
  bare: DEFAULT_LIBVIRT,
  accepts: (word) => /^[a-z][a-z0-9+.-]*:\/\//i.test(word),
};

/** The domain flags, shared by `export` and `convert`. */
export const DOMAIN_FLAGS = {
  hardware: Flags.option({
    options: HARDWARE_OPTIONS,
    description:
      'Virtual hardware of the VM: virtio; source, the controllers and NICs that it had on VMware, as QEMU emulates them; sata, AHCI and e1000e, which most guests support without extra drivers; or auto, which chooses by the guest and the QEMU of this host, and reports why. Default: auto.',
  })(),
  network: Flags.string({
    multiple: true,
    multipleNonGreedy: true,
    helpValue: '[SOURCE=]NAME',
    description:
      'Libvirt network of the NICs, or of the NICs on the VMware network SOURCE. May be repeated. Default: the libvirt network "default".',
  }),
  define: Flags.string({
    helpValue: '[=URI]',
    description: `Define the domain in libvirt with virsh define, without starting it. Without =URI: ${DEFAULT_LIBVIRT}. An existing domain is replaced only with --force, and only by the same VM.`,
  }),
  kubevirt: Flags.boolean({
    default: false,
    description:
      'Write a KubeVirt VirtualMachine (kubevirt.io/v1) instead of a libvirt domain, with comments on how to upload the disks. NAME of --network is then a NetworkAttachmentDefinition; without it the first NIC uses the pod network.',
  }),
};

type DomainFlagValues = Interfaces.InferredFlags<typeof DOMAIN_FLAGS>;

/**
 * Parses the domain flags.
 * @throws usage errors.
 */
export function readDomainOptions(flags: DomainFlagValues & { 'boot-test': boolean }): DomainOptions {
  const { hardware = 'auto', network, define, kubevirt } = flags;
  if (define === '')
    throw new Hyper2kvmError('usage', '--define= has no URI.', { hint: 'Use --define without =, or add a URI.' });
  const other = (['define', 'boot-test'] as const).find((name) => flags[name] !== undefined && flags[name] !== false);
  if (kubevirt && other !== undefined) {
    throw new Hyper2kvmError('usage', `--${other} cannot be used with --kubevirt: it needs a libvirt domain.`, {
      hint: 'Omit one of them.',
    });
  }
  return {
    hardware,
    networks: network === undefined ? undefined : readNetworks(network),
    define,
    kubevirt,
  };
}

/** The name of a libvirt network contains no equals sign, but that of a VMware network may. */
function readNetworks(texts: readonly string[]): NetworkOptions {
  const of = new Map<string, string>();
  let all: string | undefined;
  for (const text of texts) {
    const [, source, name] = /^(?:(.+)=)?([^=]+)$/.exec(text) ?? [];
    if (name === undefined) {
      const hint = 'Use --network br0-net, or --network "VM Network=br0-net" for the NICs on one VMware network.';
      throw new Hyper2kvmError('usage', `--network must be NAME or SOURCE=NAME, not "${text}".`, { hint });
    }
    if (source === undefined ? all !== undefined : of.has(source)) {
      const which = source === undefined ? 'all networks' : source;
      const hint = 'Give one --network per VMware network, and one for all others.';
      throw new Hyper2kvmError('usage', `--network is given twice for ${which}.`, { hint });
    }
    if (source === undefined) all = name;
    else of.set(source, name);
  }
  return { all, of };
}

/** @throws usage error for a domain flag when `format` has no domain. */
export function needDomain(flags: DomainFlagValues, format: string): void {
  const given = (['hardware', 'network', 'define', 'kubevirt'] as const).find(
    (name) => flags[name] !== undefined && flags[name] !== false,
  );
  if (given === undefined) return;
  throw new Hyper2kvmError('usage', `--${given} cannot be used with --format ${format}, which writes no domain.`, {
    hint: 'Use --format qcow2 or --format raw.',
  });
}
