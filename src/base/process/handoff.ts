/**
 * Passes items from one side that pushes to one that pulls, without a buffer between: `give` resolves when the other side has done with the item and asks for more.
 */
export class Handoff<Item> {
  #offered: { item: Item; taken: () => void; refused: (error: unknown) => void } | undefined;
  #ended = false;
  #failure: { error: unknown } | undefined;
  #wake: (() => void) | undefined;

  /** Hands over one item; not to be called again before it has resolved. Rejects when the other side has gone. */
  give(item: Item): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure.error);
    return new Promise((resolve, reject) => {
      this.#offered = { item, taken: resolve, refused: reject };
      this.#wakeReader();
    });
  }

  /** No more items come. */
  end(): void {
    this.#ended = true;
    this.#wakeReader();
  }

  /** The reading side has gone, because of `error`: whoever gives, now or later, gets it. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#offered?.refused(error);
    this.#offered = undefined;
  }

  /** The items, for one reader. */
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
