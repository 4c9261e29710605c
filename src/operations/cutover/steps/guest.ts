import { join } from 'node:path';
import { writeFileAtomically } from '../../../base/files/atomic-file.ts';
import { partialPath } from '../../../base/output/partial-name.ts';
import { readDomainIdentity } from '../../../domain/libvirt/read-domain.ts';
import { bootTestError } from '../../boot-test/boot-test.ts';
import type { BootTestEvent } from '../../boot-test/types.ts';
import { descriptionName } from '../../domain/make-domain.ts';
import { SessionKeepAlive } from '../../export/source/session-keep-alive.ts';
import { PreparedGuest } from '../../sync/guest/prepared-guest.ts';
import { imagesOf, readReplicaVm } from '../../sync/guest/replica-vm.ts';
import { readFacts } from '../../sync/open-replica.ts';
import { isSourceOff, replicaOf, type CutoverScope } from '../scope.ts';
import type { CutoverStep } from '../types.ts';
import { startAgain } from './rounds.ts';

/** For messages about missing programs. */
const USER = 'cutover';

/** Prepares the guest in overlays, and boots it there if requested. The images do not change before `commit`. */
export async function prepareGuest(scope: CutoverScope, signal: AbortSignal): Promise<CutoverStep> {
  const { client, found, options, output, state, step, report, findings } = scope;
  if (!(await isSourceOff(scope, signal))) return startAgain(scope);
  await using held = new AsyncDisposableStack();
  held.use(new SessionKeepAlive(client));
  const replica = await replicaOf(scope, signal);
  const replicaVm = await readReplicaVm(found, await readFacts(replica, signal), signal);
  await using prepared = await PreparedGuest.prepare(replicaVm, { ...options, user: USER }, { signal, step });
  const { guest, hardware, domain } = prepared;
  Object.assign(findings, { hardware, ...(guest !== undefined && { guest }) });
  if (options.bootTest) {
    const onEvent = (event: BootTestEvent): void => report({ ...event, vm: found.label });
    const { bootTest } = await prepared.boot({ signal, report: onEvent });
    findings.bootTest = bootTest;
    const failure = bootTestError(bootTest);
    if (failure !== undefined) throw failure;
  }
  const path = join(output, descriptionName(found.baseName, false));
  const { name, uuid = null } = readDomainIdentity(domain, path);
  await writeFileAtomically(partialPath(path), domain, { mode: options.mode });
  // The steps can have begun again after the domain was defined.
  const { isDefined = false, uri = options.define ?? null } = state.record.domain ?? {};
  await state.update({ domain: { path, name, uuid, uri, isDefined, isStarted: false } });
  // From here on the images are not those of the digests any more, also if this is rolled back.
  await replica.replica.expectChanges();
  await state.enter('commit');
  step('finish', 'Writing the changes of the guest to the replica');
  await prepared.commit(signal);
  return 'domain';
}

/** Completes the commit of a run that was killed. */
export async function commitAgain(scope: CutoverScope, signal: AbortSignal): Promise<CutoverStep> {
  const { options, output, step } = scope;
  if (!(await isSourceOff(scope, signal))) return startAgain(scope);
  const { replica } = await replicaOf(scope, signal);
  const { format } = replica.state;
  const images = imagesOf(replica, output);
  step('finish', 'Completing the changes of the guest that an earlier run began to write');
  await PreparedGuest.commitAgain({ images, format }, { env: options.env, user: USER }, signal);
  return 'domain';
}
