import { createHash } from 'node:crypto';
import { readFile, realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Hyper2kvmError } from '../../base/errors.ts';
import { InsideFolder } from '../../base/files/inside-folder.ts';
import { localFileError } from '../../base/files/local-file-error.ts';
import { formatCount } from '../../base/text/amounts.ts';
import { fileChunks, readHead } from '../../ovf/files/file-bytes.ts';
import { parseManifest, type ManifestEntry } from '../../ovf/files/manifest.ts';
import { declaredFormat } from './declared-format.ts';
import { verifyImage } from './verify-image.ts';
import type { ItemFindings, VerifyRun } from './verify-run.ts';

/** A line has at least 80 characters; a VM has at most some hundred files. */
const MOST_MANIFEST_BYTES = 2 ** 20;

/** Images change when a VM runs from them, and domains when somebody edits them. */
const IMAGE = /\.(?:qcow2|raw|img)$/i;
const CHANGES_IN_USE = /\.(?:qcow2|raw|img|xml|yaml)$/i;
const CHANGED =
  'This is expected if a VM has run from the image, or somebody has edited the file. Otherwise restore it from another copy.';

/** Whether a file is a manifest, by its content: the first line is a digest. */
export async function isManifest(path: string): Promise<boolean> {
  return /^SHA(?:2-)?(?:1|256|384|512) ?\(/i.test(Buffer.from(await readHead(path, 16)).toString('latin1'));
}

/**
 * Checks the files of a manifest that is not part of an OVF package: they exist, and, unless the run is quick, they
 * have the digests of the manifest.
 */
export async function verifyManifest(path: string, findings: ItemFindings, run: VerifyRun): Promise<void> {
  await findings.check(
    path,
    async () => {
      const entries = parseManifest(await textOf(path), path);
      run.covered.add(await realpath(path));
      let matching = 0;
      for (const entry of entries) if (await verifyEntry(path, entry, findings, run)) matching += 1;
      const words = run.quick ? 'present, digests not checked' : 'with the digests of the manifest';
      if (matching > 0) findings.ok(path, `${formatCount(matching, 'file')} ${words}`);
    },
    run.signal,
  );
}

async function verifyEntry(
  manifestPath: string,
  { name, algorithm, digest }: ManifestEntry,
  findings: ItemFindings,
  run: VerifyRun,
): Promise<boolean> {
  const folder = dirname(manifestPath);
  const found = await (await InsideFolder.at(folder)).find(folder, name);
  if (typeof found === 'string') {
    const what = found === 'missing' ? 'is missing' : 'is a link that points outside the folder';
    findings.error(join(folder, name), `the file ${what}`, 'Restore it from another copy, or export the VM again.');
    return false;
  }
  if (run.quick) return true;
  if ((await digestOf(found.path, algorithm, run)) === digest) {
    run.proven.add(found.path);
    return true;
  }
  const place = join(folder, name);
  if (!CHANGES_IN_USE.test(name)) {
    const hint = 'Restore it from another copy, or export the VM again.';
    findings.error(place, `its ${algorithm} does not match the manifest: it was changed or damaged`, hint);
  } else if (IMAGE.test(name) && !(await verifyImage(place, findings, run, { format: await declaredFormat(place) }))) {
    const hint = 'Restore it from another copy, or export the VM again.';
    findings.error(place, `its ${algorithm} does not match the manifest either`, hint);
  } else {
    const what = IMAGE.test(name) ? ', and its structure is valid' : '';
    findings.warning(
      place,
      `it was changed since it was written: its ${algorithm} differs from the manifest${what}`,
      CHANGED,
    );
  }
  return false;
}

async function digestOf(path: string, algorithm: string, run: VerifyRun): Promise<string> {
  const hash = createHash(algorithm);
  const onProgress = run.progressOf(path, (await stat(path)).size);
  let bytes = 0;
  for await (const chunk of fileChunks(path, {}, run.signal)) {
    hash.update(chunk);
    bytes += chunk.length;
    onProgress(bytes);
  }
  return hash.digest('hex');
}

async function textOf(path: string): Promise<string> {
  const { size } = await stat(path);
  if (size > MOST_MANIFEST_BYTES) throw new Hyper2kvmError('image', `${path} is too large for a manifest.`);
  return readFile(path, 'utf8').catch((error: unknown) => {
    throw localFileError('read', path, error);
  });
}
