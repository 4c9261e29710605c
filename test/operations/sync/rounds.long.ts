import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { environmentOf, startProgram } from '../../cli-process/program.ts';
import { numberOf } from './replica/changing-disk.ts';
import { contentOfFile, TrackedVm } from './tracked-vm.ts';
import { join } from 'node:path';

const ROUNDS = 20;

/** The result of `sync --json`, as far as this test reads it. */
interface Printed {
  result?: { job: string; synced: { round: number; repairedBytes?: number; disks: { reading: string }[] }[] };
}

test('20 rounds of the program while a guest writes, a third of them killed, are each one point in time', async () => {
  // The lease of a killed round ends soon: until then its snapshot cannot be removed.
  await using web = await TrackedVm.start({ consolidationMs: 200 }, { leaseTimeoutSeconds: 10 });
  using guest = web.server.disks.startGuest('web', { recordsPerSecond: 300 });
  guest.write(500);
  const env = environmentOf(web.server, join(web.scratch.path, 'state'));
  const start = (...more: string[]) => {
    const args = ['sync', 'web', '-o', web.scratch.output, '--format', 'raw', '--transport', 'nfc', '--json', ...more];
    return startProgram(args, { env, cwd: web.scratch.path });
  };
  /** `overwritten` are the records that somebody else wrote over. */
  const check = async (printed: Printed, overwritten: readonly number[] = []): Promise<void> => {
    expect(await web.equalities(printed.result)).toEqual([true, true]);
    const images = [await web.image(0), await web.image(1)];
    const { missing } = await guest.check(images.map(contentOfFile));
    expect(missing.filter((number) => !overwritten.includes(number))).toEqual([]);
    expect(web.server.state().vms['web']).toMatchObject({ powerState: 'poweredOn', snapshots: [] });
  };
  let kills = 0;
  let lastMs = 1500;
  for (let round = 0; round < ROUNDS; round += 1) {
    if (round > 0 && round % 3 === 0) {
      const { child, over } = start();
      await pause(numberOf(`kill ${round}`, lastMs));
      child.kill('SIGKILL');
      if ((await over).endedBy === 'SIGKILL') kills += 1;
      expect(web.server.state().vms['web']?.snapshots.length).toBeLessThanOrEqual(1);
    }
    const startedAt = Date.now();
    const run = await start().over;
    expect(run).toMatchObject({ exitCode: 0 });
    lastMs = Date.now() - startedAt;
    await check(JSON.parse(run.stdout) as Printed);
    guest.write(200);
  }
  expect(kills).toBeGreaterThan(3);

  // Without the guest, whose writes would let the server report the same blocks.
  guest.stop();
  expect((await start().over).exitCode).toBe(0);
  const place = 1_000_448;
  web.server.disks.write('web', 0, place, Buffer.alloc(512, 7), { isTracked: false });
  const overwritten = guest.log.filter(
    ({ disk, offset, length }) => disk === 0 && offset <= place && place < offset + length,
  );
  const audit = await start('--audit=nfc').over;
  expect(audit.exitCode).toBe(13);
  const printed = JSON.parse(audit.stdout) as Printed;
  expect(printed.result?.synced[0]?.repairedBytes).toBeGreaterThan(0);
  await check(
    printed,
    overwritten.map(({ number }) => number),
  );
});
