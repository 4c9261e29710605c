import { writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { domainOfMachine } from '../../src/domain/domain-of-machine.ts';
import { domainXml } from '../../src/domain/libvirt/domain-xml.ts';
import { describedByOvf, machineOf, type DescribedMachine } from '../../src/operations/convert/described-machine.ts';
import { unfitName } from '../../src/ovf/files/file-href.ts';
import { openPackage } from '../../src/ovf/read/open-package.ts';
import { readOvf, type OvfFacts } from '../../src/ovf/hardware/ovf-facts.ts';
import { readVmx } from '../../src/ovf/vmx/vmx-facts.ts';
import { readPackaged } from '../ovf/read-packaged.ts';
import { readMembers } from '../ovf/read-all.ts';
import {
  changedDescriptor,
  changedManifest,
  changedTar,
  changedVmx,
  PACKAGE_FILES,
  PACKAGE_OVF,
  PACKAGE_TARS,
} from './damage-package.ts';
import type { FuzzFormat } from './format.ts';
import { pick, type Random } from './random.ts';
import { requireInside } from './read-image.ts';

async function readTar(random: Random): Promise<void> {
  const bytes = changedTar(random);
  for (const [name, content] of await readMembers(bytes, pick([100, 512, 65_536], random))) {
    if (unfitName(name) !== undefined || content.length > bytes.length) throw new Error(`wrong member ${name}`);
  }
}

/** Opens a package and reads all of its disks. */
async function readPackage(path: string, folder: string): Promise<void> {
  const opened = await openPackage(path);
  useFacts(opened.facts);
  for (const disk of opened.disks) {
    for (const part of disk.parts) requireInside(part.path, folder);
    let sizeBytes = 0;
    for await (const piece of readPackaged(opened, disk)) sizeBytes += piece.length;
    if (!disk.gzip && sizeBytes !== disk.sizeBytes) throw new Error(`${sizeBytes} of ${disk.sizeBytes} bytes`);
  }
}

/** Checks that the facts of a descriptor are sufficient for a domain, and that they name no files elsewhere. */
function useFacts(facts: OvfFacts): void {
  if (facts.files.some(({ href }) => unfitName(href) !== undefined)) throw new Error('unfit name');
  useMachine(describedByOvf(facts));
}

function useMachine(machine: DescribedMachine): void {
  const images = machine.disks.map((_disk, index) => ({ path: `/d${index}`, format: 'qcow2' as const }));
  for (const hardware of ['source', 'sata', 'virtio'] as const) {
    domainXml(domainOfMachine(machineOf(machine), { images, hardware }).facts);
  }
}

/** Creates a package in a folder. The returned function replaces the file `name` for each case. */
async function inPackage(folder: string, name: string, make: (random: Random) => string) {
  for (const [file, bytes] of Object.entries(PACKAGE_FILES)) await writeFile(join(folder, file), bytes);
  return async (random: Random): Promise<void> => {
    writeFileSync(join(folder, name), make(random));
    await readPackage(join(folder, 'vm.ovf'), folder);
  };
}

/** Packages, and the files that they contain. */
export const PACKAGE_FORMATS: readonly FuzzFormat[] = [
  { name: 'tar', needsQemuImg: false, prepare: async () => readTar },
  {
    name: 'OVA',
    needsQemuImg: false,
    prepare: async (folder) => async (random) => {
      const path = join(folder, 'x.ova');
      writeFileSync(path, changedTar(random, PACKAGE_TARS));
      await readPackage(path, folder);
    },
  },
  {
    name: 'OVA in gzip',
    needsQemuImg: false,
    prepare: async (folder) => async (random) => {
      const path = join(folder, 'x.ova');
      let bytes = gzipSync(changedTar(random, PACKAGE_TARS), { level: 1 });
      const way = random(4);
      if (way === 0) bytes = bytes.subarray(0, random(bytes.length));
      else for (let hit = way; hit > 0 && random(2) === 0; hit--) bytes[random(bytes.length)] = random(256);
      writeFileSync(path, bytes);
      await readPackage(path, folder);
    },
  },
  {
    name: 'OVF descriptors',
    needsQemuImg: false,
    prepare: async () => async (random) => useFacts(readOvf(changedDescriptor(random), 'x.ovf')),
  },
  {
    name: 'OVF in a folder',
    needsQemuImg: false,
    prepare: async (folder) => inPackage(folder, 'vm.ovf', (random) => changedDescriptor(random, [PACKAGE_OVF])),
  },
  {
    name: 'VMX',
    needsQemuImg: false,
    prepare: async () => async (random) =>
      useMachine({ ...readVmx(changedVmx(random), 'x.vmx'), architecture: 'x86_64' }),
  },
  { name: 'manifests', needsQemuImg: false, prepare: async (folder) => inPackage(folder, 'vm.mf', changedManifest) },
];
