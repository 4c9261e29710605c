import { createHash } from 'node:crypto';
import { rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { array, nullable, number, object, picklist, string, type InferOutput } from 'valibot';
import { writeFileAtomically } from '../../base/files/atomic-file.ts';
import { readOwnFile } from '../../base/files/own-file.ts';
import type { FolderOutput } from '../../base/output/folder-output.ts';
import { readRecord, recordSchema, recordText } from '../../base/records/read-record.ts';
import { SINK_FORMATS } from '../../image/model/encoding.ts';
import { IMAGE_FORMATS } from '../../image/model/image.ts';
import type { Layout } from './layout.ts';
import { pathsOf } from './output-names.ts';
import type { ConvertedDisk, ConvertOptions } from './types.ts';

/** A disk of a conversion and the image that it became. `ConvertedDisk` documents the fields. */
const ConvertedDiskSchema = object({
  path: string(),
  format: picklist(SINK_FORMATS),
  source: object({ label: nullable(string()), file: nullable(string()) }),
  sourceFormat: picklist(IMAGE_FORMATS),
  sourceVariant: string(),
  virtualSizeBytes: number(),
  sizeBytes: number(),
  verified: picklist(['read-back', 'checksums', 'manifest', 'none']),
});

/** Converted images that still have their `.partial` names. `identity` comes from {@link identityOf}. */
export const ConvertedRecordSchema = recordSchema({
  identity: string(),
  images: array(object({ converted: ConvertedDiskSchema, modifiedMs: number() })),
});
type RecordedConversion = Omit<InferOutput<typeof ConvertedRecordSchema>, 'schemaVersion'>;

/** A hidden file next to the images. */
export function convertedRecordPath({ folder, disks }: Pick<Layout, 'folder' | 'disks'>): string {
  return join(folder, `.${basename(disks[0]?.path ?? '')}.hyper2kvm-converted`);
}

/**
 * Records images whose guest could not be prepared, so that the same command continues with them. Returns false if
 * the record cannot be written, for example on a full disk; a later run then cannot use them.
 */
export async function recordConverted(
  layout: Layout,
  output: FolderOutput,
  options: ConvertOptions,
  disks: readonly ConvertedDisk[],
): Promise<boolean> {
  const images: RecordedConversion['images'] = [];
  for (const converted of disks) {
    const { mtimeMs, size } = await stat(output.pathOf(basename(converted.path)));
    images.push({ converted: { ...converted, sizeBytes: size }, modifiedMs: mtimeMs });
  }
  const record: RecordedConversion = { identity: await identityOf(layout, options), images };
  try {
    await writeFileAtomically(convertedRecordPath(layout), recordText(record));
    return true;
  } catch {
    return false;
  }
}

/**
 * The images of an earlier run that failed while preparing the guest. They are returned only if the source and every
 * option that changes their bytes are the same and the images were not modified since. The output then owns them as
 * complete files.
 */
export async function findConverted(
  layout: Layout,
  output: FolderOutput,
  options: ConvertOptions,
  signal: AbortSignal,
): Promise<ConvertedDisk[] | undefined> {
  const text = await readOwnFile(convertedRecordPath(layout)).catch(() => '');
  const record = readRecord(text, ConvertedRecordSchema);
  if (record?.identity !== (await identityOf(layout, options)) || record.images.length !== layout.disks.length)
    return undefined;
  for (const [index, { converted, modifiedMs }] of record.images.entries()) {
    const path = layout.disks[index]?.path ?? '';
    const left = { name: basename(path), sizeBytes: converted.sizeBytes, sha256: '', modifiedMs };
    if (converted.path !== path || !(await output.adopt(left, signal))) return undefined;
  }
  return record.images.map(({ converted }) => converted);
}

export async function removeConvertedRecord(layout: Pick<Layout, 'folder' | 'disks'>): Promise<void> {
  await rm(convertedRecordPath(layout), { force: true });
}

/** A hash over the current state of the source's files and the options that change the bytes of an image. */
async function identityOf({ source, disks }: Layout, options: ConvertOptions): Promise<string> {
  const paths = new Set([source.path, ...source.files, ...disks.flatMap(({ disk }) => pathsOf(disk))]);
  const files: string[] = [];
  for (const path of paths) {
    const stats = await stat(path, { bigint: true }).catch(() => undefined);
    files.push(
      `${path} ${stats === undefined ? 'missing' : [stats.dev, stats.ino, stats.size, stats.mtimeNs].join(':')}`,
    );
  }
  const { inputFormat, encode, verify, disks: selected, vm, configuration } = options;
  const bytes = { inputFormat, encode: encode.fingerprint(), verify, disk: selected, vm, configuration };
  return createHash('sha256')
    .update(JSON.stringify([files, bytes]))
    .digest('hex');
}
