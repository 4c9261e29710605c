import { EventEmitter } from 'node:events';
import { expect, test } from '@jest/globals';
import { InterruptedError } from '../../src/base/errors.ts';
import { watchEndingSignals } from '../../src/cli/ending-signals.ts';

function watched() {
  const source = new EventEmitter();
  const seen: string[] = [];
  let nowMs = 0;
  const handlers = {
    first: (name: string) => void seen.push(`first ${name}`),
    second: (name: string, code: number) => void seen.push(`second ${name} ${code}`),
    crash: (error: unknown) => void seen.push(`crash ${String(error)}`),
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const watch = watchEndingSignals(handlers, source as unknown as NodeJS.Process, () => nowMs);
  return { ...watch, source, seen, wait: (ms: number) => (nowMs += ms) };
}

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s aborts with an InterruptedError', (name) => {
  const { source, signal, seen } = watched();
  source.emit(name);
  expect(signal.reason).toEqual(new InterruptedError(name));
  expect(seen).toEqual([`first ${name}`]);
});

test('a second Ctrl-C leaves at once, but not the same key press passed on by npm', () => {
  const { source, seen, wait } = watched();
  source.emit('SIGINT');
  wait(20);
  source.emit('SIGINT');
  expect(seen).toEqual(['first SIGINT']);
  wait(400);
  source.emit('SIGINT');
  expect(seen).toEqual(['first SIGINT', 'second SIGINT 130']);
});

test('repeated SIGHUP and SIGTERM do not cut the clean-up short', () => {
  const { source, seen, wait } = watched();
  for (const name of ['SIGHUP', 'SIGHUP', 'SIGTERM', 'SIGTERM']) {
    source.emit(name);
    wait(1000);
  }
  expect(seen).toEqual(['first SIGHUP']);
});

test('an error that nobody caught ends the program by way of the clean-up', () => {
  const { source, signal, seen } = watched();
  const error = new TypeError('fault');
  source.emit('uncaughtException', error);
  source.emit('uncaughtException', new TypeError('another'));
  expect(signal.reason).toBe(error);
  expect(seen).toEqual(['crash TypeError: fault']);
});

test('nothing is listened to any more after stop', () => {
  const { source, stop } = watched();
  stop();
  expect(source.eventNames()).toEqual([]);
});
