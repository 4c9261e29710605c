import { Flags, type Interfaces } from '@oclif/core';
import { Hyper2kvmError } from '../../base/errors.ts';
import { readConnections, refuseBridges } from '../../cli/input/nic-connections.ts';
import type { OptionalValue } from '../../cli/input/optional-values.ts';
import { HARDWARE_OPTIONS, type DomainOptions } from '../../operations/domain/types.ts';

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
  bridge: Flags.string({
    char: 'b',
    multiple: true,
    multipleNonGreedy: true,
    helpValue: '[SOURCE:]BRIDGE',
    description:
      'Linux bridge of the host for the NICs, or for the NICs on the VMware network SOURCE, instead of a libvirt network. May be repeated.',
  }),
  mac: Flags.string({
    multiple: true,
    multipleNonGreedy: true,
    helpValue: 'MAC:network|bridge:NAME',
    description:
      'Libvirt network or bridge of the NIC with this MAC address, such as 00:50:56:01:02:03:bridge:br0. It takes precedence over --network and --bridge. May be repeated. For one VM only.',
  }),
  define: Flags.string({
    helpValue: '[=URI]',
    description: `Define the domain in libvirt with virsh define, without starting it. Without =URI: ${DEFAULT_LIBVIRT}. An existing domain is replaced only with --force, and only by the same VM.`,
  }),
  kubevirt: Flags.boolean({
    default: false,
    description:
      'Write a KubeVirt VirtualMachine (kubevirt.io/v1) instead of a libvirt domain, with comments on how to upload the disks. NAME of --network and --mac is then a NetworkAttachmentDefinition; without it the first NIC uses the pod network. --bridge cannot be used, because KubeVirt knows no bridges of a host.',
  }),
};

type DomainFlagValues = Interfaces.InferredFlags<typeof DOMAIN_FLAGS>;

/**
 * Parses the domain flags.
 * @throws usage errors.
 */
export function readDomainOptions(flags: DomainFlagValues & { 'boot-test': boolean }): DomainOptions {
  const { hardware = 'auto', define, kubevirt } = flags;
  if (define === '')
    throw new Hyper2kvmError('usage', '--define= has no URI.', { hint: 'Use --define without =, or add a URI.' });
  const other = (['define', 'boot-test'] as const).find((name) => flags[name] !== undefined && flags[name] !== false);
  if (kubevirt && other !== undefined) {
    throw new Hyper2kvmError('usage', `--${other} cannot be used with --kubevirt: it needs a libvirt domain.`, {
      hint: 'Omit one of them.',
    });
  }
  const networks = readConnections(flags);
  if (kubevirt) refuseBridges(networks);
  return { hardware, networks, define, kubevirt };
}

/** @throws usage error for a domain flag when `format` has no domain. */
export function needDomain(flags: DomainFlagValues, format: string): void {
  const given = (['hardware', 'network', 'bridge', 'mac', 'define', 'kubevirt'] as const).find(
    (name) => flags[name] !== undefined && flags[name] !== false,
  );
  if (given === undefined) return;
  throw new Hyper2kvmError('usage', `--${given} cannot be used with --format ${format}, which writes no domain.`, {
    hint: 'Use --format qcow2 or --format raw.',
  });
}
