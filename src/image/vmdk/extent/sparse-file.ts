import type { SourceFile } from '../../file/source-file.ts';
import { COWD_MAGIC, readCowd } from './cowd.ts';
import { readHostedSparse } from './hosted-sparse.ts';
import { readU32 } from '../layout/marker.ts';
import { SE_SPARSE_MAGIC, readSeSparse } from './se-sparse.ts';
import { SPARSE_MAGIC } from '../layout/sparse-header.ts';
import type { SparseLayout } from './sparse-layout.ts';

/**
 * Determines the layout of a sparse extent file from its content. The descriptor type is not sufficient, because COWD
 * files can have the type SPARSE or VMFSSPARSE.
 * @throws Hyper2kvmError kind `image`.
 */
export async function readSparseLayout(source: SourceFile): Promise<SparseLayout> {
  const magic = readU32(await source.read(0, 4, 'its header'), 0);
  switch (magic) {
    case SPARSE_MAGIC:
      return (await readHostedSparse(source)).layout;
    case COWD_MAGIC:
      return readCowd(source);
    case SE_SPARSE_MAGIC:
      return readSeSparse(source);
    default:
      throw source.fault(0, `it is not a sparse extent: it starts with ${magic.toString(16).padStart(8, '0')}`);
  }
}
