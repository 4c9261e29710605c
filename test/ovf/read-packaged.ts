import type { VmPackage } from '../../src/ovf/read/open-package.ts';
import type { PackagedFile } from '../../src/ovf/read/package-disk.ts';
import { PackageReader } from '../../src/ovf/read/package-reader.ts';

/** Yields the content of one packaged file. */
export async function* readPackaged(
  place: Pick<VmPackage, 'path' | 'container'>,
  file: PackagedFile,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  await using reader = new PackageReader(place, signal);
  yield* reader.read(file);
}
