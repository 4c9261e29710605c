import { readFile, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { exists } from '../../base/files/exists.ts';
import { localFileError } from '../../base/files/local-file-error.ts';
import { formatCount } from '../../base/text/amounts.ts';
import { readDomainDisks, readDomainIdentity } from '../../domain/libvirt/read-domain.ts';
import type { ReadDisk } from '../../domain/libvirt/read-disks.ts';
import { IMAGE_FORMATS } from '../../image/model/image.ts';
import { probeFormat } from '../../image/probe/probe.ts';
import { readHead } from '../../ovf/files/file-bytes.ts';
import { verifyImage } from './verify-image.ts';
import type { ItemFindings, VerifyRun } from './verify-run.ts';

/** The largest domain that `readDomain` accepts, in the longest encoding. */
const MOST_DOMAIN_BYTES = 8 * 2 ** 20;

/** The text of a libvirt domain; undefined for any other file. */
export async function domainText(path: string): Promise<string | undefined> {
  const head = Buffer.from(await readHead(path, 4096)).toString('utf8');
  if (!/^(?:\uFEFF)?\s*(?:<\?xml[^>]*>\s*)?(?:<!--[\s\S]*?-->\s*)*<domain[\s>]/.test(head)) return undefined;
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw localFileError('read', path, error);
  });
  return text.length > MOST_DOMAIN_BYTES ? undefined : text;
}

/** Checks that the disks of a domain exist, have the format that it declares, and are valid. */
export async function verifyDomain(path: string, text: string, findings: ItemFindings, run: VerifyRun): Promise<void> {
  await findings.check(
    path,
    async () => {
      run.covered.add(await realpath(path));
      const { name } = readDomainIdentity(text, path);
      const disks = readDomainDisks(text, path);
      findings.ok(path, `libvirt domain ${name} with ${formatCount(disks.length, 'disk')}`);
      for (const disk of disks) await verifyDisk(path, disk, findings, run);
    },
    run.signal,
  );
}

async function verifyDisk(domainPath: string, disk: ReadDisk, findings: ItemFindings, run: VerifyRun): Promise<void> {
  const path = await placeOf(domainPath, disk, findings);
  if (path === undefined) return;
  const declared = IMAGE_FORMATS.find((format) => format === disk.format);
  if (declared === undefined) {
    findings.error(path, `the domain declares the format ${disk.format}, which is not supported`);
    return;
  }
  run.covered.add(await realpath(path));
  // A fixed VHD has its signature at its end.
  const content = probeFormat(Buffer.from(await readHead(path, 4096)), Buffer.alloc(0));
  if (content !== declared && !(declared === 'vpc' && content === 'raw')) {
    const detail = `the domain declares the format ${declared}, but the content is ${content}`;
    findings.error(path, detail, `Correct the type of the driver in ${domainPath}.`);
    return;
  }
  await verifyImage(path, findings, run, { format: declared });
}

/** An export that was moved has its disks next to the domain, which still names their old paths. */
async function placeOf(domainPath: string, { path }: ReadDisk, findings: ItemFindings): Promise<string | undefined> {
  if (await exists(path)) return path;
  const beside = join(dirname(domainPath), basename(path));
  if (await exists(beside)) {
    const hint = 'Change the path in the domain before you define it.';
    findings.warning(domainPath, `its disk ${path} is not there; ${basename(path)} next to it was checked`, hint);
    return beside;
  }
  findings.error(
    domainPath,
    `its disk ${path} does not exist`,
    'Restore it from another copy, or export the VM again.',
  );
  return undefined;
}
