import { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { array, object, string } from 'valibot';
import { readJson } from '../../base/records/read-record.ts';
import { Secret } from '../../base/text/secret.ts';
import { HANDOVER_VARIABLE, type Handed } from './types.ts';

/**
 * The data that was handed over, and the callback that reports to the starting process that the job has begun: its
 * record exists and the first step for one of its VMs is done. Repeated calls have no effect.
 */
export interface Handover extends Handed {
  onBegin: () => void;
}

/**
 * Reads the data from the starting process and removes every trace of it from the environment. Undefined in a process
 * that was not detached.
 */
export async function takeHandover(env: NodeJS.ProcessEnv): Promise<Handover | undefined> {
  const descriptor = env[HANDOVER_VARIABLE];
  if (descriptor === undefined) return undefined;
  delete env[HANDOVER_VARIABLE];
  const channel = new Socket({ fd: Number(descriptor), readable: true, writable: true, allowHalfOpen: true });
  // The starting process may have exited. The job continues regardless.
  channel.on('error', () => undefined);
  const handed = parseHanded(await text(channel));
  const onBegin = (): void => {
    if (!channel.writableEnded) channel.end('started\n');
  };
  return { ...handed, onBegin };
}

const HandedSchema = object({ id: string(), log: string(), password: string(), vms: array(string()) });

function parseHanded(json: string): Handed {
  const handed = readJson(json, HandedSchema);
  if (handed === undefined) throw new TypeError('what was handed over to the detached process is not complete');
  return { ...handed, password: new Secret(handed.password) };
}
