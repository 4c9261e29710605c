import { Hyper2kvmError } from '../base/errors.ts';
import type { Redactor } from '../cli/text/redact.ts';
import type { CutoverEvent } from '../operations/cutover/types.ts';
import type { SyncEvent } from '../operations/sync/types.ts';

/** An event without secrets: a server can repeat its input in a fault. */
export function cleanEvent<Event extends SyncEvent | CutoverEvent>(event: Event, redactor: Redactor): Event {
  if (event.type === 'warning') return { ...event, message: redactor.clean(event.message) };
  if (event.type !== 'vm-failed' || !(event.error instanceof Hyper2kvmError)) return event;
  const { kind, message, hint } = event.error;
  const facts = hint === undefined ? {} : { hint: redactor.clean(hint) };
  return { ...event, error: new Hyper2kvmError(kind, redactor.clean(message), facts) };
}
