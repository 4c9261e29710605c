import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { VmPackage } from '../../src/ovf/read/open-package.ts';
import { readPackaged } from './read-packaged.ts';
import { item, smallOvf } from './ovf-samples.ts';
import { pattern, sha256 } from './package-folder.ts';
import { joined } from './read-all.ts';
import { archive, member } from './tar-builder.ts';

export const ONE = pattern(150_000, 1);
export const TWO = pattern(70_001, 2);

/** A descriptor with two disks. The second disk comes first in the References. */
export function ovf({
  one = `ovf:href="one.vmdk" ovf:size="${ONE.length}"`,
  two = `ovf:href="two.vmdk" ovf:size="${TWO.length}"`,
} = {}): string {
  return smallOvf({
    files: `<File ovf:id="f2" ${two}/><File ovf:id="f1" ${one}/>`,
    disks:
      '<Disk ovf:diskId="d2" ovf:fileRef="f2" ovf:capacity="9"/><Disk ovf:diskId="d1" ovf:fileRef="f1" ovf:capacity="9"/>',
    hardware:
      item({ InstanceID: 1, ResourceType: 6 }) +
      item({ InstanceID: 2, ResourceType: 17, HostResource: 'ovf:/disk/d2', Parent: 1, AddressOnParent: 1 }) +
      item({ InstanceID: 3, ResourceType: 17, HostResource: 'ovf:/disk/d1', Parent: 1, AddressOnParent: 0 }),
  });
}

export type Files = Record<string, string | Buffer>;

export function manifest(
  files: Files,
  algorithm = 'sha256',
  line = (name: string, digest: string) => `${algorithm.toUpperCase()}(${name})= ${digest}`,
): string {
  return Object.entries(files)
    .map(([name, bytes]) => `${line(name, createHash(algorithm).update(bytes).digest('hex'))}\n`)
    .join('');
}

/** Writes the files into a new package folder, and returns the path of the first file. */
export async function writeFolder(folder: string, files: Files): Promise<string> {
  const root = join(folder, 'package');
  await mkdir(root);
  for (const [name, bytes] of Object.entries(files)) {
    await mkdir(join(root, name, '..'), { recursive: true });
    await writeFile(join(root, name), bytes);
  }
  return join(root, Object.keys(files)[0] ?? '');
}

export async function writeOva(folder: string, files: Files, change = (tar: Buffer) => tar): Promise<string> {
  const path = join(folder, 'x.ova');
  await writeFile(path, change(archive(...Object.entries(files).map(([name, bytes]) => member({ name }, bytes)))));
  return path;
}

export async function contents(opened: VmPackage): Promise<string[]> {
  const digests: string[] = [];
  for (const disk of opened.disks) digests.push(sha256(await joined(readPackaged(opened, disk))));
  return digests;
}

export const DISKS = [sha256(ONE), sha256(TWO)];
export const FILES: Files = { 'vm.ovf': ovf(), 'one.vmdk': ONE, 'two.vmdk': TWO };
export const WITH_MANIFEST: Files = { ...FILES, 'vm.mf': manifest(FILES) };

export const chunked = (href: string, size: number) => `ovf:href="${href}" ovf:size="${size}" ovf:chunkSize="60000"`;
export const CHUNKS: Files = {
  'one.vmdk.000000000': ONE.subarray(0, 60_000),
  'one.vmdk.000000001': ONE.subarray(60_000, 120_000),
  'one.vmdk.000000002': ONE.subarray(120_000),
};
