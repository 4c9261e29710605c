import type { Chain } from '../file/chain.ts';
import type { OpenFile } from '../file/open-file.ts';
import { dataRun, requireSpan } from '../model/runs.ts';
import { SourceFile } from '../file/source-file.ts';
import type { ImageFile, ImageFormat, MappedImage, Run } from '../model/image.ts';
import { overlay } from '../model/overlay.ts';
import { BlockTable } from './block-table.ts';
import { readDynamicHeader, type DynamicHeader } from './dynamic-header.ts';
import { readVhdFooter, type VhdFooter } from './footer.ts';

/**
 * Opens a VHD (`vpc` in qemu): fixed, dynamic, or differencing on top of its parents, which are verified by their
 * unique id. Takes ownership of `file` on success.
 * @throws Hyper2kvmError kind `image` for a violation of the format or an unsupported feature.
 */
export async function openVhd(file: OpenFile, chain: Chain): Promise<MappedImage> {
  const source = new SourceFile(file, 'VHD');
  const footer = await readVhdFooter(source);
  if (footer.variant === 'fixed') {
    source.requireInside(0, footer.virtualSizeBytes, 'the disk', footer.atBytes + 48);
    return new VhdImage(file, footer);
  }
  const header = await readDynamicHeader(source, footer);
  const image = new VhdImage(file, footer, new BlockTable(source, footer, header));
  if (footer.variant === 'dynamic') return image;
  return overlay(image, await openParent(source, chain, header));
}

async function openParent(source: SourceFile, chain: Chain, header: DynamicHeader): Promise<MappedImage> {
  return chain.openParent(source.file, header.parentNames, async (file): Promise<ImageFormat> => {
    const { uniqueId } = await readVhdFooter(new SourceFile(file, 'VHD'));
    if (uniqueId === header.parentId) return 'vpc';
    throw source.fault(
      0,
      `its parent ${file.path} has the unique ID ${uniqueId}, but the child was created with ${header.parentId}`,
      'The parent has been changed or replaced since then, so the chain cannot be read.',
    );
  });
}

class VhdImage implements MappedImage {
  readonly format = 'vpc';
  readonly variant: string;
  readonly virtualSizeBytes: number;
  readonly files: readonly ImageFile[];
  readonly checksummed = false;
  readonly #file: OpenFile;
  readonly #blocks: BlockTable | undefined;

  /** A fixed disk has no `blocks`. */
  constructor(file: OpenFile, footer: VhdFooter, blocks?: BlockTable) {
    this.variant = footer.variant;
    this.virtualSizeBytes = footer.virtualSizeBytes;
    this.files = [file];
    this.#file = file;
    this.#blocks = blocks;
  }

  async *map(fromBytes: number, toBytes: number): AsyncGenerator<Run, void, undefined> {
    const span = requireSpan(this.virtualSizeBytes, fromBytes, toBytes);
    if (this.#blocks !== undefined) yield* this.#blocks.map(span);
    else if (fromBytes < toBytes) yield dataRun(span, 0, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file[Symbol.asyncDispose]();
  }
}
