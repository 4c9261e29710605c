import { expect, test } from '@jest/globals';
import { RateLimiter, type RateClock } from '../../src/base/rate-limiter.ts';

/** A clock that the test advances. It wakes sleepers when their time comes. */
class HandClock implements RateClock {
  ms = 0;
  #sleepers: { at: number; wake: () => void }[] = [];

  now = (): number => this.ms;

  wakeAfter = (ms: number, wake: () => void): (() => void) => {
    const sleeper = { at: this.ms + ms, wake };
    this.#sleepers.push(sleeper);
    return () => void (this.#sleepers = this.#sleepers.filter((other) => other !== sleeper));
  };

  get sleeping(): number {
    return this.#sleepers.length;
  }

  async advance(ms: number): Promise<void> {
    for (const end = this.ms + ms; this.ms < end; this.ms++) {
      await settle();
      const due = this.#sleepers.filter(({ at }) => at <= this.ms);
      this.#sleepers = this.#sleepers.filter(({ at }) => at > this.ms);
      for (const { wake } of due) wake();
    }
    await settle();
  }
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Takes chunks in an endless loop, and counts the bytes. */
function consume(limiter: RateLimiter, chunkBytes: number, signal: AbortSignal): { bytes: number } {
  const got = { bytes: 0 };
  const run = async (): Promise<void> => {
    for (;;) {
      await limiter.take(chunkBytes, signal);
      got.bytes += chunkBytes;
    }
  };
  run().catch(() => {});
  return got;
}

test('the rate holds over time, without bursts', async () => {
  const clock = new HandClock();
  const stop = new AbortController();
  const got = consume(new RateLimiter(1_000_000, clock), 16_384, stop.signal);
  let before = 0;
  for (let quarter = 0; quarter < 8; quarter++) {
    await clock.advance(250);
    expect(got.bytes - before).toBeLessThan(250_000 + 125_000 + 65_536);
    before = got.bytes;
  }
  expect(got.bytes).toBeGreaterThan(1_950_000);
  expect(got.bytes).toBeLessThan(2_000_000 + 125_000 + 65_536);
  stop.abort();
});

test('idle time is not saved up', async () => {
  const clock = new HandClock();
  const limiter = new RateLimiter(1_000_000, clock);
  await clock.advance(5000);
  const stop = new AbortController();
  const got = consume(limiter, 16_384, stop.signal);
  await clock.advance(100);
  expect(got.bytes).toBeLessThan(300_000);
  stop.abort();
});

test('disks share the rate evenly, whatever the size of their chunks', async () => {
  const clock = new HandClock();
  const stop = new AbortController();
  const limiter = new RateLimiter(4_000_000, clock);
  const small = consume(limiter, 65_536, stop.signal);
  const large = consume(limiter, 1_048_576, stop.signal);
  await clock.advance(8000);
  expect(small.bytes / large.bytes).toBeGreaterThan(0.85);
  expect(small.bytes / large.bytes).toBeLessThan(1.15);
  stop.abort();
});

test('a rate of a few bytes a second works', async () => {
  const clock = new HandClock();
  const stop = new AbortController();
  const got = consume(new RateLimiter(3, clock), 1, stop.signal);
  await clock.advance(10_000);
  expect(got.bytes).toBeGreaterThan(28);
  expect(got.bytes).toBeLessThan(33);
  stop.abort();
});

test('an aborted wait rejects with the reason and holds up nobody', async () => {
  const clock = new HandClock();
  const limiter = new RateLimiter(1000, clock);
  const stop = new AbortController();
  const reason = new Error('stopped');
  const waits = limiter.take(100_000, stop.signal);
  const refused = expect(waits).rejects.toBe(reason);
  const other = limiter.take(10, new AbortController().signal);
  await settle();
  stop.abort(reason);
  await refused;
  await clock.advance(1000);
  await other;
  await expect(limiter.take(1, stop.signal)).rejects.toBe(reason);
  expect(clock.sleeping).toBe(0);
});
