import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Hyper2kvmError } from '../../base/errors.ts';
import { flushFolder } from '../../base/files/atomic-file.ts';
import { localFileError } from '../../base/files/local-file-error.ts';
import { partialPath } from '../../base/output/partial-name.ts';
import { destroyDomain, domainState, undefineDomain } from '../../domain/libvirt/domain-control.ts';
import { PreparedGuest } from '../sync/guest/prepared-guest.ts';
import type { CutoverRecord } from '../sync/replica/cutover-record.ts';
import { readState, stateName } from '../sync/replica/replica-state.ts';
import { requireUnused } from '../sync/used-images.ts';
import type { PlaceScope } from './scope.ts';
import { idOf } from './steps/domain.ts';
import { powerOnAgain } from './steps/source-power.ts';
import type { RollbackResult } from './types.ts';

type Undone = Pick<RollbackResult, 'step' | 'source' | 'domain'>;

/**
 * Gives the VM back to the source, and the replica back to `sync`: confirms that the domain here is off, and only then
 * powers the source on again. Can be repeated after a kill or a failure at any point.
 * @throws if one of both could not be confirmed. The record of the cutover stays then.
 */
export async function rollBack(scope: PlaceScope, signal: AbortSignal): Promise<Undone> {
  const { state } = scope;
  const step = state.record.history.findLast((entry) => entry.step !== 'rollback')?.step ?? 'checks';
  if (state.step !== 'rollback') await state.enter('rollback');
  const domain = await stopDomain(scope, signal);
  await removeOverlays(scope);
  const source = await powerOnAgain(scope, signal);
  await state.end();
  return { step, source, domain };
}

/** Stops and undefines the domain of this cutover. */
async function stopDomain(scope: PlaceScope, signal: AbortSignal): Promise<Undone['domain']> {
  const { found, env, output, state, step } = scope;
  const { domain } = state.record;
  const stopped = domain === undefined ? null : await stopDefined(scope, domain, signal);
  // Whoever started a VM on the images, it must not run when the source does.
  await requireUnused(output, found.baseName);
  if (domain === undefined || stopped === null) return null;
  if (stopped.isThere) {
    step('clean-up', `Undefining the domain ${domain.name}`);
    await undefineDomain({ uri: domain.uri ?? '', env }, idOf(domain), signal);
  }
  await removeFiles([domain.path, partialPath(domain.path)]);
  return { name: domain.name, wasStopped: stopped.wasRunning, wasUndefined: stopped.isThere };
}

async function stopDefined(
  { env, step }: PlaceScope,
  domain: NonNullable<CutoverRecord['domain']>,
  signal: AbortSignal,
): Promise<{ isThere: boolean; wasRunning: boolean }> {
  if (!domain.isDefined || domain.uri === null) return { isThere: false, wasRunning: false };
  const connection = { uri: domain.uri, env };
  const before = await domainState(connection, idOf(domain), signal);
  if (before === 'missing') return { isThere: false, wasRunning: false };
  if (before === 'off') return { isThere: true, wasRunning: false };
  step('clean-up', `Stopping the domain ${domain.name}`);
  await destroyDomain(connection, idOf(domain), signal);
  const after = await domainState(connection, idOf(domain), signal);
  if (after === 'off') return { isThere: true, wasRunning: true };
  // A transient domain disappears when it is stopped.
  if (after === 'missing') return { isThere: false, wasRunning: true };
  throw new Hyper2kvmError('host', `The domain ${domain.name} of libvirt at ${domain.uri} is still running.`, {
    hint: 'Stop it with virsh destroy. The source is not powered on before that.',
  });
}

/** A replica that the cutover may have changed was marked before the change. */
async function removeOverlays({ found, output }: PlaceScope): Promise<void> {
  const replicaState = await readState(join(output, stateName(found.baseName)));
  const images = (replicaState?.point?.disks ?? []).map(({ file }) => join(output, file));
  await PreparedGuest.removeLeft({ folder: output, baseName: found.baseName, images });
}

async function removeFiles(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    try {
      await rm(path, { force: true });
    } catch (error) {
      throw localFileError('remove', path, error);
    }
  }
  const [first] = paths;
  if (first !== undefined) await flushFolder(dirname(first));
}
