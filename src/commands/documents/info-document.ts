import type { InfoDocument } from '../../operations/documents/schemas.ts';
import type { GuestInfo, SourceInfo } from '../../operations/info/types.ts';

/** The `result` of `info --json`. */
export function infoDocument({
  source,
  container,
  machine,
  manifestFiles,
  disks,
  guest,
  warnings,
}: SourceInfo): InfoDocument {
  return {
    source,
    container,
    machine: machine && {
      name: machine.name,
      uuid: machine.uuid ?? null,
      guestId: machine.guestId ?? null,
      architecture: machine.architecture,
      vcpus: machine.vcpus,
      coresPerSocket: machine.coresPerSocket ?? null,
      memoryBytes: machine.memoryBytes ?? null,
      firmware: machine.firmware,
      secureBoot: machine.secureBoot,
      tpm: machine.tpm,
      nics: machine.nics.map(({ mac, model, network }) => ({ mac: mac ?? null, model, network: network ?? null })),
      cdRoms: machine.cdRoms,
    },
    manifestFiles,
    disks,
    guest: guest && guestDocument(guest),
    warnings,
  };
}

function guestDocument(guest: GuestInfo): InfoDocument['guest'] {
  if (!guest.found) return { found: false, reason: guest.reason, hint: guest.hint ?? null };
  const { system, kind, root, fileSystems, bootLoader, kernels, nics, encrypted, virtio } = guest;
  return {
    found: true,
    system,
    kind,
    root,
    fileSystems: fileSystems.map(({ device, type, label, uuid, mountPoint }) => ({
      device,
      type,
      label: label ?? null,
      uuid: uuid ?? null,
      mountPoint: mountPoint ?? null,
    })),
    bootLoader: bootLoader ?? null,
    kernels,
    nics,
    encrypted,
    virtio: virtio ?? null,
  };
}
