/** A rate over this window reacts within seconds and does not flicker. */
const WINDOW_MS = 10_000;
/** Samples closer together than this add nothing; at most 41 are kept. */
const SPACING_MS = 250;
/** A rate over a shorter time is not meaningful. */
const LEAST_SPAN_MS = 1000;

/**
 * A smoothed rate of an increasing number: its increase over the last ten seconds. The window extends to the time of
 * the query, so the rate falls when nothing more arrives.
 */
export class RateMeter {
  #samples: { atMs: number; value: number }[] = [];
  #latest = 0;

  add(value: number, nowMs: number): void {
    this.#latest = value;
    const last = this.#samples.at(-1);
    if (last === undefined || nowMs - last.atMs >= SPACING_MS) this.#samples.push({ atMs: nowMs, value });
    while ((this.#samples[1]?.atMs ?? nowMs) <= nowMs - WINDOW_MS) this.#samples.shift();
  }

  /** Units per second; undefined while there are too few samples. */
  perSecond(nowMs: number): number | undefined {
    while ((this.#samples[1]?.atMs ?? nowMs) <= nowMs - WINDOW_MS) this.#samples.shift();
    const [first] = this.#samples;
    if (first === undefined || nowMs - first.atMs < LEAST_SPAN_MS) return undefined;
    return (Math.max(0, this.#latest - first.value) * 1000) / (nowMs - first.atMs);
  }
}
