import { sentenceOf } from '../../base/errors.ts';
import { readPowerState } from '../../vsphere/vm/vm-facts.ts';
import { domainState } from '../../domain/libvirt/domain-control.ts';
import type { PlaceScope } from './scope.ts';
import { idOf } from './steps/domain.ts';

const LIMIT_MS = 60_000;

const POWER_WORDS: Readonly<Record<string, string>> = {
  poweredOn: 'powered on',
  poweredOff: 'powered off',
  suspended: 'suspended',
};

/** Both sides as they are now, in two sentences. Never rejects. */
export async function describeSides(scope: PlaceScope): Promise<string> {
  const limit = AbortSignal.timeout(LIMIT_MS);
  const [source, here] = await Promise.all([sourceWords(scope, limit), domainWords(scope, limit)]);
  return `Source: ${source}. Here: ${here}.`;
}

async function sourceWords({ client, found }: PlaceScope, limit: AbortSignal): Promise<string> {
  try {
    const state = await readPowerState(client, found.vm.ref, limit);
    return POWER_WORDS[state] ?? state;
  } catch (error) {
    return `unknown (${trimmed(error)})`;
  }
}

async function domainWords({ env, state }: PlaceScope, limit: AbortSignal): Promise<string> {
  const { domain } = state.record;
  if (domain === undefined || !domain.isDefined || domain.uri === null) return 'no domain';
  try {
    const found = await domainState({ uri: domain.uri, env }, idOf(domain), limit);
    const words = { missing: 'no domain', off: `${domain.name} is off`, running: `${domain.name} is running` };
    return found === 'active' ? `${domain.name} is not off` : words[found];
  } catch (error) {
    return `unknown (${trimmed(error)})`;
  }
}

function trimmed(error: unknown): string {
  return sentenceOf(error).replace(/\.$/, '');
}
