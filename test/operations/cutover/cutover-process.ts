import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cutOverVm, rollBackVm } from '../../../src/operations/cutover/cutover-vm.ts';
import type { CutoverEvent } from '../../../src/operations/cutover/types.ts';
import { resolveConnectionSettings } from '../../../src/vsphere/connection/connection-settings.ts';
import { optionsOf, type Place } from './cutover-options.ts';

// A cutover, or its rollback, in a process that kills itself at a given event. `killAt` is a step of the record, or a
// step and a type of event.

const [, , text = '{}'] = process.argv;
const { place, killAt, isRollback } = JSON.parse(text) as { place: Place; killAt?: string; isRollback?: boolean };
const [step, type] = killAt?.split(':') ?? [];

function report(event: CutoverEvent): void {
  if (step === undefined || (type !== undefined && event.type !== type)) return;
  if (stepNow() === step) process.kill(process.pid, 'SIGKILL');
}

function stepNow(): string | undefined {
  try {
    const record = JSON.parse(readFileSync(join(place.output, 'web', '.web.hyper2kvm-cutover'), 'utf8')) as object;
    return 'step' in record ? String(record.step) : undefined;
  } catch {
    return undefined;
  }
}

const connection = resolveConnectionSettings({
  flags: { url: place.url, username: place.username, thumbprint: place.thumbprint },
  timeoutMs: 20_000,
  env: { HYPER2KVM_PASSWORD: place.password },
  password: () => Promise.reject(new Error('the password is in the environment')),
});
const context = { signal: new AbortController().signal, report };
const options = { ...optionsOf(place), connection };
await (isRollback === true ? rollBackVm({ ...options, force: false }, context) : cutOverVm(options, context));
