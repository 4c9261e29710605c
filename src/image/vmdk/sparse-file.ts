import type { SourceFile } from '../file/source-file.ts';
import { readHostedSparse } from './hosted-sparse.ts';
import { readU32 } from './marker.ts';
import { SPARSE_MAGIC } from './sparse-header.ts';
import type { SparseLayout } from './sparse-layout.ts';

/** `COWD` in file order. */
export const COWD_MAGIC = 0x44574f43;
/** The low half of a seSparse file's 64-bit magic. */
export const SE_SPARSE_MAGIC = 0xcafebabe;

/** Reads how a sparse extent's file is laid out, by its content: descriptors call the same thing SPARSE and VMFSSPARSE. Throws kind `image`. */
export async function readSparseLayout(source: SourceFile): Promise<SparseLayout> {
  const magic = readU32(await source.read(0, 4, 'its header'), 0);
  switch (magic) {
    case SPARSE_MAGIC:
      return (await readHostedSparse(source)).layout;
    default:
      throw source.fault(0, `it is no sparse extent: it starts with ${magic.toString(16).padStart(8, '0')}`);
  }
}
