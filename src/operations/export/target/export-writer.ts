import type { MemberHints, MemberWriter, PackageWriter } from '../../../ovf/write/package-writer.ts';
import type { ImageMember } from './image-member.ts';

/** An open file of an export: it takes bytes in their order, or as an image the windows of a disk. */
export type ExportMember = MemberWriter | ImageMember;

/** Where the files of an export go: a package of VMware's, or a folder of images. */
export interface ExportWriter extends Omit<PackageWriter, 'openMember'> {
  openMember(name: string, hints: MemberHints): Promise<ExportMember>;
}
