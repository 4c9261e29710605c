import { createHash } from 'node:crypto';
import { OVF_2, OVIRT, smallOvf, VIRTUALBOX, VSPHERE } from '../ovf/ovf-samples.ts';
import { smallVmx, VMX } from '../ovf/vmx-samples.ts';
import { pattern } from '../ovf/package-folder.ts';
import { archive, base256, member, pax } from '../ovf/tar-builder.ts';
import { pick, type Random } from './random.ts';

export const DISK = pattern(3000);

/** A descriptor with one disk in a single file, and one disk in two chunks. */
export const PACKAGE_OVF = smallOvf({
  files:
    '<File ovf:href="a.vmdk" ovf:id="f1" ovf:size="3000"/><File ovf:href="b.vmdk" ovf:id="f2" ovf:size="3000" ovf:chunkSize="2000"/>',
  disks:
    '<Disk ovf:diskId="d1" ovf:fileRef="f1" ovf:capacity="1048576"/><Disk ovf:diskId="d2" ovf:fileRef="f2" ovf:capacity="1048576"/>',
  hardware: [1, 2]
    .map(
      (id) =>
        `<Item><rasd:HostResource>ovf:/disk/d${id}</rasd:HostResource><rasd:InstanceID>${id}</rasd:InstanceID><rasd:ResourceType>17</rasd:ResourceType></Item>`,
    )
    .join(''),
});

/** The files of a package, by name. */
export const PACKAGE_FILES: Readonly<Record<string, Buffer>> = {
  'vm.ovf': Buffer.from(PACKAGE_OVF),
  'a.vmdk': DISK,
  'b.vmdk.000000000': DISK.subarray(0, 2000),
  'b.vmdk.000000001': DISK.subarray(2000),
};

export const PACKAGE_MANIFEST = Object.entries(PACKAGE_FILES)
  .map(([name, bytes], index) => {
    const algorithm = index === 1 ? 'sha1' : 'sha256';
    return `${algorithm.toUpperCase()}(${name})= ${createHash(algorithm).update(bytes).digest('hex')}\n`;
  })
  .join('');

function archiveOf(files: Readonly<Record<string, Buffer | string>>): Buffer {
  return archive(...Object.entries(files).map(([name, bytes]) => member({ name }, bytes)));
}

/** Valid packages, without and with a manifest. A manifest reveals nearly all damage. */
export const PACKAGE_TARS = [archiveOf(PACKAGE_FILES), archiveOf({ ...PACKAGE_FILES, 'vm.mf': PACKAGE_MANIFEST })];

const TARS = [
  ...PACKAGE_TARS,
  archive(
    member({ name: 'vm.ovf' }, smallOvf()),
    member({ name: 'a.vmdk' }, pattern(3000)),
    member({ name: 'vm.mf' }, 'x'),
  ),
  archive(pax({ path: 'ü'.repeat(200), size: '700' }), member({}, pattern(700)), member({ type: '5', name: 'd/' })),
  archive(
    member({ type: 'L' }, `${'n'.repeat(300)}\0`),
    member({}, pattern(100)),
    member({ size: base256(600n), name: 'b' }, pattern(600)),
  ),
  archive(pax({ comment: 'c' }, 'g'), member({ magic: 'ustar  \0', name: 'g' }, 'g'), member({ prefix: 'p/q' }, 'abc')),
];

export function changedTar(random: Random, tars: readonly Buffer[] = TARS): Buffer {
  let bytes = Buffer.from(pick(tars, random));
  for (let round = random(6); round >= 0; round--) {
    const blockAt = 512 * random(bytes.length / 512);
    const way = random(8);
    if (way === 0) bytes = bytes.subarray(0, random(bytes.length));
    else if (way === 1) bytes = Buffer.concat([bytes.subarray(0, blockAt), bytes.subarray(random(4) * 512)]);
    else if (way === 2) bytes.subarray(blockAt + 124, blockAt + 124 + random(13)).fill(random(256));
    else if (way === 3) bytes[blockAt + 156] = random(256);
    else bytes[random(Math.max(1, bytes.length))] = pick([0, 0x20, 0x2e, 0x2f, 0x37, 0x80, 0xff, random(256)], random);
    if (bytes.length < 512) return bytes;
    bytes = bytes.subarray(0, 65_536);
  }
  if (random(3) > 0) for (let at = 0; at + 512 <= bytes.length; at += 512) sign(bytes.subarray(at, at + 512));
  return bytes;
}

/**
 * Updates the checksum, so that more than the checksum is tested. A content block that looks like a header gets one
 * too, which makes an equally strange archive.
 */
function sign(header: Buffer): void {
  if (header.toString('latin1', 257, 262) !== 'ustar') return;
  header.fill(' ', 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
}

const DESCRIPTORS = [VSPHERE, VIRTUALBOX, OVF_2, OVIRT];
const NASTY = [
  '&x;',
  '&#0;',
  '&#xD800;',
  '<!DOCTYPE a>',
  '<![CDATA[',
  ']]>',
  '<!--',
  '-->',
  '..',
  '../'.repeat(20),
  '/',
  '%00',
  '%2e%2e%2f',
  'file:///etc/passwd',
  '-1',
  '1e999',
  '99999999999999999999',
  '0',
  '',
  '\0',
  '\uFFFE',
  '"',
  '<a>'.repeat(200),
  '__proto__',
  'constructor',
  'xmlns:ovf="x"',
  'byte * 10^99 * 10^99',
];

export function changedDescriptor(random: Random, descriptors: readonly string[] = DESCRIPTORS): string {
  let text = pick(descriptors, random);
  for (let round = random(4); round >= 0; round--) {
    const at = random(text.length);
    const end = Math.min(text.length, at + random(60));
    const way = random(5);
    if (way === 0) text = text.slice(0, at) + text.slice(end);
    else if (way === 1) text = text.slice(0, end) + text.slice(at);
    else if (way === 2) text = text.slice(0, at) + pick(NASTY, random) + text.slice(at);
    else text = withChangedValue(text, random);
  }
  return text;
}

/**
 * Replaces the value of one attribute or element with another value of the text, or with a hostile one. The text stays
 * well-formed more often than with damaged bytes.
 */
function withChangedValue(text: string, random: Random): string {
  const values = [...text.matchAll(/"([^"<]*)"|>([^<>]+)</g)];
  const { index, 0: whole } = pick(values, random);
  const [, quoted, plain = quoted] = pick(values, random);
  const value = random(2) === 0 ? pick(NASTY, random) : (plain ?? '');
  return text.slice(0, index + 1) + value + text.slice(index + whole.length - 1);
}

/** Removes, repeats or replaces lines, names and digests. */
export function changedManifest(random: Random): string {
  let text = PACKAGE_MANIFEST;
  for (let round = random(3); round >= 0; round--) {
    const at = random(text.length);
    const end = Math.min(text.length, at + random(80));
    const way = random(5);
    if (way === 0) text = text.slice(0, at) + text.slice(end);
    else if (way === 1) text = text.slice(0, end) + text.slice(at);
    else if (way === 2) text = text.slice(0, at) + pick(NASTY, random) + text.slice(at);
    else if (way === 3) text = text.replace(/\([^)]*\)/, `(${pick(NASTY, random)})`);
    else text = text.replaceAll('\n', pick(['\r\n', '\r', '', '\n\n'], random));
  }
  return text;
}

const VMX_LINES = [...VMX.split('\n'), ...smallVmx('.encoding = "GBK"', 'vtpm.present = "TRUE"').split('\n')];

/** Combines random lines of VM configurations, and damages some of their bytes. */
export function changedVmx(random: Random): Buffer {
  const lines = Array.from({ length: random(80) }, () => pick(VMX_LINES, random));
  const bytes = Buffer.from(`${random(2) === 0 ? VMX : ''}${lines.join('\n')}\n`);
  for (let hit = random(8); hit > 0; hit--)
    bytes[random(bytes.length)] = random(2) === 0 ? random(256) : 0x30 + random(10);
  return bytes;
}
