import { extname } from 'node:path';
import { Hyper2kvmError } from '../../base/errors.ts';
import { shellWord } from '../../base/text/shell-word.ts';
import type { OpenFile } from '../file/open-file.ts';
import { descriptorBeside } from '../vmdk/descriptor/descriptor-beside.ts';
import { diskSign } from './disk-signs.ts';
import { foreignContent, rawInput, type ForeignContent } from './foreign-content.ts';
import { textContent } from './text-content.ts';

const HEAD_BYTES = 4096;
/**
 * Extensions of formats other than raw disks, with the format's name. A plain Parallels disk (`.hds`) is a raw disk.
 */
const FORMAT_NAMES = new Map([
  ['.ova', 'an OVA'],
  ['.ovf', 'an OVF descriptor'],
  ['.vmx', 'a .vmx file'],
  ['.vmtx', 'a .vmtx file'],
  ['.vmdk', 'a VMDK'],
  ['.vhd', 'a VHD'],
  ['.avhd', 'a VHD'],
  ['.vhdx', 'a VHDX'],
  ['.avhdx', 'a VHDX'],
  ['.vdi', 'a VDI'],
  ['.qcow', 'a qcow image'],
  ['.qcow2', 'a qcow2 image'],
  ['.qed', 'a QED image'],
]);

/**
 * Checks that a file in no known format is a raw disk: its content must have a disk signature, and its name must not
 * suggest another format. Any bytes can be a raw disk. Without this check, a compressed file, a web page or a damaged
 * image would become a disk that no guest boots from.
 * @throws Hyper2kvmError kind `image`, with the file's type and how to convert it.
 */
export async function requireRawDisk(file: OpenFile): Promise<void> {
  const foreign = await foreignContent(file);
  if (foreign !== undefined) throw notADisk(file, foreign);
  const head = await file.read(0, HEAD_BYTES);
  const sign = await diskSign(file);
  if (sign === undefined) throw notADisk(file, textContent(head) ?? unknownContent(file, head));
  const promised = FORMAT_NAMES.get(extname(file.path).toLowerCase());
  if (promised === undefined) return;
  const descriptor = await descriptorBeside(file.path);
  if (descriptor !== undefined) {
    throw new Hyper2kvmError('image', `${file.path} is only one extent of the disk ${descriptor}.`, {
      hint: `Convert the descriptor: ${shellWord(descriptor)}.`,
    });
  }
  throw new Hyper2kvmError('image', `${file.path} is not ${promised}: it contains ${sign}, as a raw disk does.`, {
    hint:
      promised === 'a VMDK'
        ? `It may be one extent of a disk: convert the descriptor, the small .vmdk file that names it. ${rawInput()}`
        : rawInput(),
  });
}

function unknownContent({ path }: OpenFile, head: Buffer): ForeignContent {
  const promised = FORMAT_NAMES.get(extname(path).toLowerCase());
  const subject = promised === undefined ? '' : `not ${promised}, but `;
  const content = head.every((byte) => byte === 0) ? 'zeros at its start' : 'in an unknown format';
  return { what: `${subject}${content}, without a partition table, file system or boot sector`, remedy: rawInput };
}

function notADisk({ path }: OpenFile, { what, remedy }: ForeignContent): Hyper2kvmError {
  const hint = remedy?.(shellWord(path));
  return new Hyper2kvmError('image', `${path} is not a disk image: it is ${what}.`, hint === undefined ? {} : { hint });
}
