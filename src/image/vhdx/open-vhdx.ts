import type { Chain } from '../file/chain.ts';
import type { OpenFile } from '../file/open-file.ts';
import { requireSpan } from '../model/runs.ts';
import { SourceFile } from '../file/source-file.ts';
import type { ImageFile, ImageFormat, MappedImage, Run } from '../model/image.ts';
import { overlay } from '../model/overlay.ts';
import { BlockTable } from './block-table.ts';
import { readVhdxHeader } from './header.ts';
import { readMetadata, type VhdxMetadata } from './metadata.ts';
import type { ParentLocator } from './parent-locator.ts';
import { readRegions } from './region-table.ts';

/**
 * Opens a VHDX: fixed, dynamic, or differencing on top of its parents. The DataWriteGuid verifies that the content of a
 * parent has not changed since the child was created. An image with a log that was not replayed is rejected. Takes
 * ownership of `file` on success.
 * @throws Hyper2kvmError kind `image` for a violation of the format or an unsupported feature.
 */
export async function openVhdx(file: OpenFile, chain: Chain): Promise<MappedImage> {
  const source = new SourceFile(file, 'VHDX');
  await readVhdxHeader(source);
  const regions = await readRegions(source);
  const metadata = await readMetadata(source, regions.metadata);
  const image = new VhdxImage(file, metadata, new BlockTable(source, regions.bat, metadata));
  return metadata.parent === undefined ? image : overlay(image, await openParent(source, chain, metadata.parent));
}

async function openParent(source: SourceFile, chain: Chain, { names, guids }: ParentLocator): Promise<MappedImage> {
  return chain.openParent(source.file, names, async (file): Promise<ImageFormat> => {
    const { dataWriteGuid } = await readVhdxHeader(new SourceFile(file, 'VHDX'));
    if (guids.includes(dataWriteGuid)) return 'vhdx';
    throw source.fault(
      0,
      `its parent ${file.path} has the content ${dataWriteGuid}, but the child was created with ${guids.join(' or ')}`,
      'The parent has been changed or replaced since then, so the chain cannot be read.',
    );
  });
}

class VhdxImage implements MappedImage {
  readonly format = 'vhdx';
  readonly variant: string;
  readonly virtualSizeBytes: number;
  readonly files: readonly ImageFile[];
  readonly checksummed = false;
  readonly #file: OpenFile;
  readonly #blocks: BlockTable;

  constructor(file: OpenFile, { variant, virtualSizeBytes }: VhdxMetadata, blocks: BlockTable) {
    this.variant = variant;
    this.virtualSizeBytes = virtualSizeBytes;
    this.files = [file];
    this.#file = file;
    this.#blocks = blocks;
  }

  map(fromBytes: number, toBytes: number): AsyncGenerator<Run, void, undefined> {
    return this.#blocks.map(requireSpan(this.virtualSizeBytes, fromBytes, toBytes));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file[Symbol.asyncDispose]();
  }
}
