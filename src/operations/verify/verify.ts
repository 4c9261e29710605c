import { realpath } from 'node:fs/promises';
import { Hyper2kvmError } from '../../base/errors.ts';
import { WorkerPool } from '../../image/copy/worker-pool.ts';
import type { OperationContext } from '../operation-context.ts';
import { declaredFormat } from './declared-format.ts';
import { findTargets, type VerifyTarget } from './find-targets.ts';
import type { VerifiedItem, VerifyOptions, VerifyProgressEvent, VerifyResult } from './types.ts';
import { domainText, verifyDomain } from './verify-domain.ts';
import { verifyImage } from './verify-image.ts';
import { verifyManifest } from './verify-manifest.ts';
import { verifyPackage } from './verify-package.ts';
import { verifyRecord } from './verify-records.ts';
import { ItemFindings, VerifyRun } from './verify-run.ts';

/**
 * Verifies exports, packages, domains and disk images: manifests, sizes, the structure of every disk with its chain,
 * and the refcounts of qcow2 images. What is wrong is a finding; all other checks still run. Changes nothing.
 * @throws Hyper2kvmError kind `local-file` or `not-found` for a path without anything to verify.
 */
export async function verify(
  { paths, quick }: VerifyOptions,
  { signal, report }: OperationContext<VerifyProgressEvent>,
): Promise<VerifyResult> {
  const startedAt = Date.now();
  const targets: VerifyTarget[] = [];
  for (const path of paths) targets.push(...(await findTargets(path, signal)));
  await using pool = new WorkerPool();
  const run = new VerifyRun({ quick, signal, pool, report });
  const items: VerifiedItem[] = [];
  for (const target of targets) {
    signal.throwIfAborted();
    if (target.kind === 'disk' && run.covered.has(await realpath(target.path))) continue;
    items.push(await verifyTarget(target, run));
  }
  const levels = items.flatMap(({ findings }) => findings.map(({ level }) => level));
  return {
    items,
    readBytes: run.readBytes,
    errors: levels.filter((level) => level === 'error').length,
    warnings: levels.filter((level) => level === 'warning').length,
    seconds: (Date.now() - startedAt) / 1000,
  };
}

async function verifyTarget({ path, kind }: VerifyTarget, run: VerifyRun): Promise<VerifiedItem> {
  const findings = new ItemFindings({ path, kind });
  switch (kind) {
    case 'ovf':
    case 'ova':
    case 'vmx':
      await verifyPackage(path, findings, run);
      break;
    case 'manifest':
      await verifyManifest(path, findings, run);
      break;
    case 'record':
      await verifyRecord(path, findings, run);
      break;
    case 'domain':
      await verifyDomain(path, (await domainText(path)) ?? '', findings, run);
      break;
    case 'disk':
      await verifyImage(path, findings, run, { format: await declaredFormat(path) });
      break;
    case 'none':
      findings.warning(
        path,
        'it belongs to an export that did not finish',
        'Run the same export again to finish it, or remove it.',
      );
  }
  return findings.item;
}

/** The error of a run with findings, for the exit code: the first one. */
export function verifyProblem({ items, errors }: VerifyResult): Hyper2kvmError | undefined {
  const first = items.flatMap(({ findings }) => findings).find(({ level }) => level === 'error');
  if (first === undefined) return undefined;
  const more = errors > 1 ? ` (and ${errors - 1} more)` : '';
  const facts = first.hint === undefined ? {} : { hint: first.hint };
  return new Hyper2kvmError(first.kind ?? 'image', `${first.file}: ${first.detail}${more}`, facts);
}
