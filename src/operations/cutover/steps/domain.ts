import { rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Hyper2kvmError } from '../../../base/errors.ts';
import { flushFolder } from '../../../base/files/atomic-file.ts';
import { errnoOf, localFileError } from '../../../base/files/local-file-error.ts';
import { partialPath } from '../../../base/output/partial-name.ts';
import { formatDuration } from '../../../base/text/amounts.ts';
import { pause } from '../../../base/time-limit.ts';
import {
  domainState,
  isAgentAlive,
  sentPackets,
  startDomain,
  type DomainState,
} from '../../../domain/libvirt/domain-control.ts';
import type { LibvirtConnection } from '../../../domain/libvirt/virsh.ts';
import { checkDefinable, defineDomain } from '../../domain/define-domain.ts';
import { namedVm } from '../../export/plan/find-vms.ts';
import { PreparedGuest } from '../../sync/guest/prepared-guest.ts';
import { imagesOf } from '../../sync/guest/replica-vm.ts';
import type { CutoverRecord } from '../../sync/replica/cutover-record.ts';
import { isSourceOff, replicaOf, type CutoverScope } from '../scope.ts';
import type { CutoverStep } from '../types.ts';
import { startAgain } from './rounds.ts';

const POLL_MS = 1000;

type DomainRecord = NonNullable<CutoverRecord['domain']>;

/** Gives the file of the domain its name, and defines the domain if requested. */
export async function makeDomainHere(scope: CutoverScope, signal: AbortSignal): Promise<CutoverStep> {
  const { found, options, output, state, step } = scope;
  if (!(await isSourceOff(scope, signal))) return startAgain(scope);
  const { replica } = await replicaOf(scope, signal);
  await PreparedGuest.removeLeft({ folder: output, baseName: found.baseName, images: imagesOf(replica, output) });
  // Somebody can start the domain as soon as its file has its name.
  await replica.expectChanges();
  const domain = domainOf(scope);
  step('descriptor', `Writing the libvirt domain ${domain.path}`);
  await adoptFile(domain.path);
  const uri = options.define;
  if (uri === undefined) return 'done';
  const connection = { uri, env: options.env };
  if (!domain.isDefined || domain.uri !== uri) {
    await checkDefinable(connection, { ...namedVm(found), uuid: domain.uuid ?? undefined }, false, signal);
    await state.update({ domain: { ...domain, uri, isDefined: true } });
  }
  await defineDomain(connection, domain.path, signal);
  return options.start ? 'start' : 'done';
}

/** Starts the domain, unless it runs already. The source is confirmed to be off immediately before. */
export async function startHere(scope: CutoverScope, signal: AbortSignal): Promise<CutoverStep> {
  const { state, step } = scope;
  const domain = domainOf(scope);
  const connection = libvirtOf(scope, domain);
  const found = await domainState(connection, idOf(domain), signal);
  if (found === 'running' && domain.isStarted) return 'wait';
  if (found !== 'off') throw unexpected(domain, found);
  if (!(await isSourceOff(scope, signal))) return startAgain(scope);
  const { replica } = await replicaOf(scope, signal);
  await replica.expectChanges();
  await state.update({ domain: { ...domain, isStarted: true } });
  step('start', `Starting the domain ${domain.name}`);
  await requireSourceOff(scope, signal);
  await startDomain(connection, idOf(domain), signal);
  return 'wait';
}

/** Waits for the guest agent, or for a packet of the guest. */
export async function waitForLife(scope: CutoverScope, signal: AbortSignal): Promise<CutoverStep> {
  const { options, state, step } = scope;
  const domain = domainOf(scope);
  const connection = libvirtOf(scope, domain);
  const limit = formatDuration(options.startLimitMs / 1000);
  step('start', `Waiting up to ${limit} for a sign of life from ${domain.name}`);
  const endsAt = Date.now() + options.startLimitMs;
  for (;;) {
    const found = await domainState(connection, idOf(domain), signal);
    if (found !== 'running') throw unexpected(domain, found);
    await requireSourceOff(scope, signal);
    const kind = await signOf(connection, idOf(domain), signal);
    if (kind !== undefined) {
      await state.update({ sign: { kind, at: new Date().toISOString() } });
      return 'done';
    }
    if (Date.now() >= endsAt) break;
    await pause(Math.min(POLL_MS, options.startLimitMs), signal);
  }
  throw new Hyper2kvmError('guest', `The guest of ${domain.name} gave no sign of life within ${limit}.`, {
    hint: 'It needs a running guest agent, or a network adapter that sends. Rehearse with sync --rehearse, or allow more time with --start-timeout.',
  });
}

async function signOf(
  connection: LibvirtConnection,
  domain: string,
  signal: AbortSignal,
): Promise<'guest-agent' | 'network' | undefined> {
  if (await isAgentAlive(connection, domain, signal)) return 'guest-agent';
  return (await sentPackets(connection, domain, signal)) > 0 ? 'network' : undefined;
}

/** Two running copies are the worst that can happen. */
async function requireSourceOff(scope: CutoverScope, signal: AbortSignal): Promise<void> {
  if (await isSourceOff(scope, signal)) return;
  const { label } = scope.found;
  throw new Hyper2kvmError('busy', `${label} is powered on again on the source, so it must not run here.`, {
    hint: 'Find out who powered it on: a person, vSphere HA, or a scheduled task.',
  });
}

const UNEXPECTED_WORDS: Readonly<Record<DomainState, string>> = {
  missing: 'is not defined any more',
  off: 'has stopped',
  running: 'was started by somebody else',
  active: 'is neither off nor running',
};

function unexpected(domain: DomainRecord, state: DomainState): Hyper2kvmError {
  return new Hyper2kvmError('guest', `The domain ${domain.name} ${UNEXPECTED_WORDS[state]}.`, {
    hint: `Look at it with virsh --connect ${domain.uri}.`,
  });
}

/** The domain was recorded in an earlier step. */
function domainOf({ state }: CutoverScope): DomainRecord {
  const { domain } = state.record;
  if (domain === undefined) throw new Error('the record of the cutover has no domain');
  return domain;
}

function libvirtOf({ options }: CutoverScope, { uri }: DomainRecord): LibvirtConnection {
  if (uri === null) throw new Error('a domain that is not defined cannot be started');
  return { uri, env: options.env };
}

/** libvirt accepts the UUID wherever it accepts the name. */
export function idOf({ name, uuid }: Pick<DomainRecord, 'name' | 'uuid'>): string {
  return uuid ?? name;
}

async function adoptFile(path: string): Promise<void> {
  try {
    await rename(partialPath(path), path);
  } catch (error) {
    // A run that was killed had renamed it.
    if (errnoOf(error) !== 'ENOENT') throw localFileError('rename', partialPath(path), error);
  }
  await flushFolder(dirname(path));
}
