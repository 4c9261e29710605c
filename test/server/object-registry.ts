import { EventEmitter, once } from 'node:events';
import { VimFault } from './fault.ts';
import type { ManagedObject } from './managed-object.ts';
import type { MoRef } from './value.ts';

/** All objects that a client can refer to, and the notification of their changes. */
export class ObjectRegistry {
  readonly #objects = new Map<string, ManagedObject>();
  readonly #news = new EventEmitter().setMaxListeners(0);
  #lastId = 41;

  add<T extends ManagedObject>(object: T): T {
    this.#objects.set(object.ref.value, object);
    this.changed();
    return object;
  }

  remove(ref: MoRef): void {
    this.#objects.delete(ref.value);
    this.changed();
  }

  /** @throws a `ManagedObjectNotFound` fault */
  get(ref: MoRef): ManagedObject {
    const found = this.#objects.get(ref.value);
    if (found === undefined || found.ref.type !== ref.type) {
      const message = 'The object has already been deleted or has not been completely created';
      throw new VimFault('ManagedObjectNotFound', message, { obj: ref });
    }
    return found;
  }

  has(ref: MoRef): boolean {
    return this.#objects.get(ref.value)?.ref.type === ref.type;
  }

  all(): ManagedObject[] {
    return [...this.#objects.values()];
  }

  /** Returns a number that no other object of this server has. */
  nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  /** Signals that a property of an object has changed. */
  changed(): void {
    this.#news.emit('changed');
  }

  /** Resolves at the next change, or when `signal` aborts. */
  async nextChange(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    await once(this.#news, 'changed', { signal }).catch(() => undefined);
  }
}
