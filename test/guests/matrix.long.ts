import { expect } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compareWithSource } from './compare-guest.ts';
import type { Guest } from './guest-cache.ts';
import { convertAndBoot, convertGuest, planFix } from './matrix-stages.ts';
import { packGuest } from './ovf-package.ts';
import { recipeOf } from './guest-cache.ts';
import { testWithGuest } from './test-with-guest.ts';
import { WANTED_GUESTS } from './wanted-guests.ts';

// Enough for a conversion with its fix and two boots, emulated on a busy host.
const TIME_LIMIT_MS = 45 * 60_000;

function matrixTest(name: string, title: string, run: (guest: Guest, folder: string) => Promise<void>): void {
  testWithGuest(
    name,
    `${name}: ${title}`,
    async (guest) => {
      const folder = await mkdtemp(join(tmpdir(), 'guest-matrix-'));
      try {
        await run(guest, folder);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
    TIME_LIMIT_MS,
  );
}

for (const name of WANTED_GUESTS) {
  matrixTest(name, 'convert --fix-plan changes nothing and writes nothing', async (guest, folder) => {
    const plan = await planFix(guest, await packGuest(guest, join(folder, 'source')), join(folder, 'output'));
    expect(plan).toMatchObject({ changedNothing: true, after: { verdict: 'ready', reasons: [] } });
  });

  matrixTest(name, 'boots on virtio after convert --fix, its cards up by their old names', async (guest, folder) => {
    const descriptor = await packGuest(guest, join(folder, 'source'));
    expect(await convertAndBoot(guest, descriptor, join(folder, 'output'))).toMatchObject({
      contract: { verdict: 'ready', reasons: [] },
      hardware: 'virtio',
      sourceUnchanged: true,
      bootTest: { verdict: 'booted', networkUp: true },
      boot: { boots: true, networkKept: true },
    });
  });
}

if (WANTED_GUESTS.includes('fit')) {
  matrixTest('fit', 'is changed by nothing but the name of its card', async (guest, folder) => {
    const converted = await convertGuest(guest, await packGuest(guest, join(folder, 'source')), join(folder, 'output'));
    const disk = 'disks' in converted ? converted.disks[0] : undefined;
    const compared = await compareWithSource(guest, disk ?? '', folder);
    const name = `ens${recipeOf('fit').networkAdapters[0]?.pciSlotNumber}`;
    expect(compared).toEqual({
      changedFiles: [expect.stringMatching(new RegExp(`^\\+ /etc/systemd/network/\\S*${name}\\.link$`))],
      sameOutsideRoot: true,
    });
  });
}
