import { realpath } from 'node:fs/promises';
import { formatBytes, formatCount } from '../../base/text/amounts.ts';
import { copyImage } from '../../image/copy/copy-image.ts';
import { createNullSink } from '../../image/create-sink.ts';
import type { ImageFormat, MappedImage } from '../../image/model/image.ts';
import { openImage } from '../../image/open-image.ts';
import { probeFormat } from '../../image/probe/probe.ts';
import { checkQcow2 } from '../../image/qcow2/check-qcow2.ts';
import { readHead } from '../../ovf/files/file-bytes.ts';
import type { ItemFindings, VerifyRun } from './verify-run.ts';

/**
 * Checks one disk image with its chain: every header and table, the refcounts of each qcow2 file, and, unless the run
 * is quick or a digest has proven the files, that all content can be read and decompressed. `format` is a declared one.
 * Returns whether the image is valid. The content of an image is read once in a run.
 */
export async function verifyImage(
  path: string,
  findings: ItemFindings,
  run: VerifyRun,
  { format }: { format?: ImageFormat | undefined } = {},
): Promise<boolean> {
  const { signal } = run;
  let isValid = false;
  run.covered.add(await realpath(path).catch(() => path));
  const isReadable = await findings.check(
    path,
    async () => {
      await using image = await openImage(path, { format });
      const paths = await Promise.all(image.files.map((file) => realpath(file.path)));
      for (const each of paths) run.covered.add(each);
      const words = `${wordsOf(image)}, ${formatBytes(image.virtualSizeBytes)}`;
      const usedBytes = await walkMap(image, signal);
      const isSound = await checkLayers(image, findings, signal);
      const isProven = paths.every((each) => run.proven.has(each));
      const isKnown = paths.every((each) => run.read.has(each));
      const isRead = !run.quick && !isProven;
      if (isRead && !isKnown) await readContent(image, path, run);
      if (isRead) for (const each of paths) run.read.add(each);
      isValid = isSound;
      const content = isRead ? 'content read' : isProven ? 'content as in the manifest' : 'content not read';
      if (isSound) findings.ok(path, `${words}: tables valid, ${formatBytes(usedBytes)} used, ${content}`);
    },
    signal,
  );
  return isReadable && isValid;
}

function wordsOf({ format, variant, files }: MappedImage): string {
  const name = variant === '' ? format : `${format} ${variant}`;
  return files.length === 1 ? name : `${name} of ${formatCount(files.length, 'file')}`;
}

/** Reads all tables. An entry that is invalid or points outside its file is an error. */
async function walkMap(image: MappedImage, signal: AbortSignal): Promise<number> {
  let usedBytes = 0;
  for await (const run of image.map(0, image.virtualSizeBytes)) {
    signal.throwIfAborted();
    if (run.kind === 'data' || run.kind === 'compressed') usedBytes += run.lengthBytes;
  }
  return usedBytes;
}

/** Checks the refcounts of each qcow2 file. Returns false if one of them is corrupt. */
async function checkLayers({ files }: MappedImage, findings: ItemFindings, signal: AbortSignal): Promise<boolean> {
  let isSound = true;
  for (const { path } of files) {
    if (probeFormat(Buffer.from(await readHead(path, 512)), Buffer.alloc(0)) !== 'qcow2') continue;
    const { corruptions, leaks, isDirty, examples } = await checkQcow2(path, signal);
    const all = examples.join('; ');
    if (corruptions > 0) {
      isSound = false;
      const hint =
        'Restore it from another copy. qemu-img check -r all repairs the tables of a copy, but not lost data.';
      findings.error(path, `${formatCount(corruptions, 'error')} in its tables: ${all}`, hint);
    }
    if (corruptions === 0 && leaks > 0) {
      const hint = 'Data is not affected. qemu-img check -r leaks frees them.';
      findings.warning(path, `${formatCount(leaks, 'leaked cluster')}: ${all}`, hint);
    }
    if (isDirty) {
      findings.warning(
        path,
        'it was not closed cleanly',
        'A running VM may use it. Otherwise run qemu-img check -r all.',
      );
    }
  }
  return isSound;
}

/** Reads all data and decompresses all clusters. */
async function readContent(image: MappedImage, path: string, run: VerifyRun): Promise<void> {
  const onProgress = run.progressOf(path, image.virtualSizeBytes);
  const options = { pool: run.pool, compression: undefined, verify: true, hash: true, signal: run.signal, onProgress };
  await copyImage(image, createNullSink(), options);
}
