/**
 * Passes items from a producer to a consumer without a buffer: `give` resolves when the consumer has processed the item
 * and requests the next one.
 */
export class Handoff<Item> {
  #offered: { item: Item; taken: () => void; refused: (error: unknown) => void } | undefined;
  #ended = false;
  #failure: { error: unknown } | undefined;
  #wake: (() => void) | undefined;

  /** Passes one item. Do not call it again before it resolves. Rejects if the consumer has stopped. */
  give(item: Item): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure.error);
    return new Promise((resolve, reject) => {
      this.#offered = { item, taken: resolve, refused: reject };
      this.#wakeReader();
    });
  }

  /** Signals that there are no more items. */
  end(): void {
    this.#ended = true;
    this.#wakeReader();
  }

  /** Signals that the consumer has stopped because of `error`. Current and later calls of `give` reject with it. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#offered?.refused(error);
    this.#offered = undefined;
  }

  /** The items, for a single consumer. */
  async *items(): AsyncGenerator<Item, void, undefined> {
    for (;;) {
      const offered = this.#offered;
      if (offered) {
        yield offered.item;
        this.#offered = undefined;
        offered.taken();
      } else if (this.#ended) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #wakeReader(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}
