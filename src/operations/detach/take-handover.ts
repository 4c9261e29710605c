import { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { Secret } from '../../base/text/secret.ts';
import { HANDOVER_VARIABLE, type Handed } from './types.ts';

/** What was handed over, and the way to report to the starting process that the job has begun: its record exists, and a first step for one of its VMs is done. Further calls do nothing. */
export interface Handover extends Handed {
  onBegin: () => void;
}

/** Takes what the starting process hands over, and removes every trace of it from the environment. Undefined in a process that was not detached. */
export async function takeHandover(env: NodeJS.ProcessEnv): Promise<Handover | undefined> {
  const descriptor = env[HANDOVER_VARIABLE];
  if (descriptor === undefined) return undefined;
  delete env[HANDOVER_VARIABLE];
  const channel = new Socket({ fd: Number(descriptor), readable: true, writable: true, allowHalfOpen: true });
  // Whoever started this may be gone: the job goes on all the same.
  channel.on('error', () => undefined);
  const handed = parseHanded(await text(channel));
  const onBegin = (): void => {
    if (!channel.writableEnded) channel.end('started\n');
  };
  return { ...handed, onBegin };
}

function parseHanded(json: string): Handed {
  const value: unknown = JSON.parse(json);
  if (!isHanded(value)) throw new TypeError('what was handed over to the detached process is not complete');
  return { ...value, password: new Secret(value.password) };
}

function isHanded(value: unknown): value is Omit<Handed, 'password'> & { password: string } {
  if (typeof value !== 'object' || value === null || !('vms' in value) || !Array.isArray(value.vms)) return false;
  const fields = new Map<string, unknown>(Object.entries(value));
  const words: unknown[] = [...['id', 'log', 'password'].map((name) => fields.get(name)), ...value.vms];
  return words.every((word) => typeof word === 'string');
}
