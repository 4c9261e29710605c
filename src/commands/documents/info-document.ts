import type { InfoDocument } from '../../operations/documents/schemas.ts';
import type { SourceInfo } from '../../operations/info/types.ts';

/** The `result` of `info --json`. */
export function infoDocument({ source, container, machine, manifestFiles, disks, warnings }: SourceInfo): InfoDocument {
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
    warnings,
  };
}
