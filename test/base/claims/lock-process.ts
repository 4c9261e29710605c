// A process that locks files, for lock-file.test.ts: node lock-process.ts hold|contend|take-turns PATH [ROUNDS]
import { once } from 'node:events';
import { mkdirSync, rmdirSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { lockFile } from '../../../src/base/claims/lock-file.ts';

const [task, path = '', rounds = '0'] = process.argv.slice(2);

/** Locks the file until the process is killed. */
async function hold(): Promise<void> {
  const lock = lockFile(path);
  process.stdout.write(lock === undefined ? 'refused\n' : 'held\n');
  for (;;) await pause(60_000);
}

/**
 * Waits for input, then tries to lock one file after the other. Prints the numbers of the files that it locked, and
 * keeps them locked until it is killed.
 */
async function contend(): Promise<void> {
  process.stdout.write('ready\n');
  await once(process.stdin, 'data');
  const won: number[] = [];
  for (let round = 0; round < Number(rounds); round += 1) {
    if (lockFile(`${path}-${round}`) !== undefined) won.push(round);
  }
  process.stdout.write(`${JSON.stringify(won)}\n`);
  for (;;) await pause(60_000);
}

/** Locks and unlocks the same file. If two processes held the lock, mkdir would fail. */
async function takeTurns(): Promise<void> {
  for (let turn = 0; turn < Number(rounds);) {
    using lock = lockFile(path);
    if (lock !== undefined) {
      mkdirSync(`${path}-held`);
      rmdirSync(`${path}-held`);
      turn += 1;
    }
    await pause(Math.random() * 3);
  }
}

if (task === 'hold') await hold();
else if (task === 'contend') await contend();
else await takeTurns();
