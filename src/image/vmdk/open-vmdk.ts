import { dirname } from 'node:path';
import { Hyper2kvmError } from '../../base/errors.ts';
import { InsideFolder } from '../../base/files/inside-folder.ts';
import type { OpenFile } from '../file/open-file.ts';
import type { MappedImage } from '../model/image.ts';
import { overlay } from '../model/overlay.ts';
import { openByName } from './open-extents.ts';
import { openLayer, type VmdkLayer } from './open-layer.ts';

/** Longer than any chain in practice: vSphere allows at most 32 snapshots. */
const MAX_LAYERS = 64;

export interface OpenVmdkOptions {
  /** The folder that contains the disk's files, at any depth. The default is the folder of the disk itself. */
  folder?: InsideFolder;
}

/**
 * Opens the VMDK in `file`, with all its extents and parents: a descriptor, or a sparse file with an embedded
 * descriptor. The content determines which. Takes ownership of `file`, and closes it if this function throws. The
 * caller closes the image.
 * @throws Hyper2kvmError kind `local-file` if a file cannot be read; `image` if one is corrupt, not supported, missing
 * or outside the folder.
 */
export async function openVmdkFile(file: OpenFile, { folder }: OpenVmdkOptions = {}): Promise<MappedImage> {
  await using opened = new AsyncDisposableStack();
  opened.use(file);
  const inside = folder ?? (await InsideFolder.at(dirname(file.path)));
  const layers: VmdkLayer[] = [];
  const seen = new Set<string>();
  for (let next: OpenFile | undefined = file; next !== undefined;) {
    seen.add(next.identity);
    const layer: VmdkLayer = await openLayer(next, inside);
    opened.use(layer.image);
    checkIsParentOf(layers.at(-1), layer);
    layers.push(layer);
    next = await openParent(layer, inside);
    if (next !== undefined) opened.use(next);
    if (next !== undefined && seen.has(next.identity)) {
      throw layer.source.fault(0, `its backing chain contains a loop: its parent ${next.path} depends on it`);
    }
    if (next !== undefined && layers.length === MAX_LAYERS) {
      throw layer.source.fault(0, `it is the ${MAX_LAYERS}th of a chain, and has another parent`);
    }
  }
  opened.move();
  return layers.map(({ image }): MappedImage => image).reduceRight((parent, child) => overlay(child, parent));
}

async function openParent({ descriptor, source }: VmdkLayer, inside: InsideFolder): Promise<OpenFile | undefined> {
  if (descriptor?.parentCid === undefined) return undefined;
  if (descriptor.parentName === undefined)
    throw source.fault(0, 'it has a parent, but does not name the file of the parent');
  return openByName('parent', descriptor.parentName, 0, source, inside);
}

/** The content ID of a disk changes with its first write. A child on top of different content would be corrupt. */
function checkIsParentOf(child: VmdkLayer | undefined, parent: VmdkLayer): void {
  const wanted = child?.descriptor?.parentCid;
  const found = parent.descriptor?.cid;
  if (child === undefined || wanted === found) return;
  throw new Hyper2kvmError(
    'image',
    `${child.source.file.path} was created on a parent with the CID ${shownCid(wanted)}, and ${parent.source.file.path} has the CID ${shownCid(found)}.`,
    {
      hint: 'The parent has been changed since then, or is another disk. The disk cannot be read without the original parent.',
    },
  );
}

function shownCid(cid: number | undefined): string {
  return cid === undefined ? 'none' : cid.toString(16).padStart(8, '0');
}
