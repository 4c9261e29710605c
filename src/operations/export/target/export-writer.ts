import type { MemberHints, MemberWriter, PackageWriter } from '../../../ovf/write/package-writer.ts';
import type { ContinuedImage } from './continued-image.ts';
import type { ImageMember } from './image-member.ts';

/** An open file of an export. It accepts bytes in order or, for an image, windows of a disk. */
export type ExportMember = MemberWriter | ImageMember | ContinuedImage;

/** The destination of an export's files: an OVF package, or a folder of images. */
export interface ExportWriter extends Omit<PackageWriter, 'openMember'> {
  openMember(name: string, hints: MemberHints): Promise<ExportMember>;
}
