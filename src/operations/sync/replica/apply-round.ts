import { dirname } from 'node:path';
import { flushFolder } from '../../../base/files/atomic-file.ts';
import { ReplicaImage, type FileStamp, type ReplicaShape } from '../../../image/replica/replica-image.ts';
import { isZero } from '../../../image/copy/pack-window.ts';
import { BLOCK_BYTES } from './blocks.ts';
import { DigestFile } from './digest-file.ts';
import { DamagedLogError, readRedo } from './redo-log.ts';
import { adoptImage, type DiskFiles } from './replica-files.ts';

/**
 * Brings one disk of the replica to the state of a complete round. Can be repeated after a kill at any point: the
 * result is the same.
 * @throws DamagedLogError when the log cannot be used; the disk may then be in any state.
 */
export async function applyRound(
  files: DiskFiles,
  shape: ReplicaShape,
  { how, round }: { how: 'redo' | 'image'; round: string },
): Promise<FileStamp> {
  if (how === 'image') {
    await adoptImage(files);
    await flushFolder(dirname(files.image));
    await using image = await ReplicaImage.open(files.image, shape);
    return await image.stamp();
  }
  await using image = await ReplicaImage.open(files.image, shape);
  await using digests = await DigestFile.open(files.digests, shape.capacityBytes);
  if (digests === undefined) throw new DamagedLogError(`${files.digests} does not exist`);
  for await (const { block, digest, writes } of readRedo(files.redo, round)) {
    for (const { at, lengthBytes, bytes } of writes) {
      const offsetBytes = block * BLOCK_BYTES + at;
      if (bytes === undefined) await writeZeros(image, offsetBytes, lengthBytes);
      else await image.write(bytes, offsetBytes);
    }
    await digests.setDigest(block, digest);
  }
  await image.flush();
  await digests.flush();
  return await image.stamp();
}

/** Leaves holes as they are. */
async function writeZeros(image: ReplicaImage, offsetBytes: number, lengthBytes: number): Promise<void> {
  const bytes = Buffer.alloc(lengthBytes);
  await image.read(offsetBytes, bytes);
  if (!isZero(bytes)) await image.write(bytes.fill(0), offsetBytes);
}
