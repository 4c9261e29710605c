import { deflateSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import { NotADiskError } from '../../../../src/image/vmdk/stream/stream-error.ts';
import { StreamOptimizedCheck } from '../../../../src/image/vmdk/stream/stream-optimized-check.ts';
import { check, failureOf, noise, seededNumbers } from '../check-bytes.ts';
import { buildStream, DESCRIPTOR, type Unit } from '../stream-builder.ts';

const GRAIN = 65536;
/** 40 MiB and 8 sectors: two grain tables, and an incomplete last grain. */
const CAPACITY = 40 * 2048 + 8;
const GRAINS = new Map([
  [0, noise(GRAIN, 1)],
  [1, Buffer.alloc(GRAIN, 'text ')],
  [511, noise(GRAIN, 2)],
  [600, Buffer.alloc(GRAIN, 1)],
  [640, noise(GRAIN, 3)],
]);
const GOOD = buildStream(CAPACITY, GRAINS);

const whole = (change: (units: Unit[]) => void) => (units: Unit[]) => {
  change(units);
  return units;
};

test('a whole stream of VMware’s layout gives its facts', () => {
  expect(check(GOOD)).toEqual({
    capacityBytes: CAPACITY * 512,
    grainSizeBytes: GRAIN,
    grainCount: 5,
    sizeBytes: GOOD.length,
    tablesCompared: true,
    descriptor: { text: DESCRIPTOR, cid: '0badcafe', parentCid: 'ffffffff', createType: 'streamOptimized' },
  });
});

test('the cut of the chunks does not matter', () => {
  const next = seededNumbers(7);
  const expected = check(GOOD);
  expect(check(GOOD, () => 1)).toEqual(expected);
  expect(check(GOOD, () => GOOD.length)).toEqual(expected);
  for (let round = 0; round < 50; round++) {
    const most = 1 + (next() % 3000);
    expect(check(GOOD, () => next() % most)).toEqual(expected);
  }
});

test('an empty disk and a disk without a descriptor are whole', () => {
  expect(check(buildStream(CAPACITY, new Map())).grainCount).toBe(0);
  expect(check(buildStream(CAPACITY, GRAINS, { header: { descriptorSize: 0n } })).descriptor).toBeUndefined();
});

test('zeros after the end-of-stream marker are allowed', () => {
  expect(check(buildStream(CAPACITY, GRAINS, { tail: Buffer.alloc(200_000) })).grainCount).toBe(5);
});

test('covered bytes follow the grains and end at the capacity', () => {
  const checker = new StreamOptimizedCheck({ name: 'disk.vmdk' });
  expect(checker.coveredBytes).toBe(0);
  checker.update(GOOD.subarray(0, 65536 + 16));
  expect(checker.coveredBytes).toBe(GRAIN);
  checker.update(GOOD.subarray(65536 + 16, GOOD.length - 2048));
  expect(checker.coveredBytes).toBe(CAPACITY * 512);
  checker.update(GOOD.subarray(GOOD.length - 2048));
  expect(checker.coveredBytes).toBe(CAPACITY * 512);
  expect(checker.receivedBytes).toBe(GOOD.length);
});

test('a stream cut anywhere is cut off, or no disk when it is shorter than 64 KiB', () => {
  const next = seededNumbers(3);
  const cuts = Array.from({ length: 400 }, () => next() % GOOD.length);
  for (const cut of [1, 3, 4, 512, 65535, 65536, 65537, GOOD.length - 512, GOOD.length - 1024, ...cuts]) {
    const error = failureOf(GOOD.subarray(0, cut));
    // The first 16 bytes identify the end-of-stream marker. The zeros after them carry no information.
    expect({ cut, kind: error.kind, retryable: error.retryable }).toEqual({ cut, kind: 'transfer', retryable: true });
    expect(error instanceof NotADiskError).toBe(cut < 65536);
    expect(error.message).toContain(`disk.vmdk`);
    if (cut >= 4) expect(error.message).toContain(`at byte ${cut}`);
  }
});

test('an empty answer, a web page and a small answer are no disk', () => {
  expect(failureOf(Buffer.alloc(0))).toBeInstanceOf(NotADiskError);
  expect(failureOf(Buffer.alloc(0)).message).toContain('it is empty');
  expect(failureOf(Buffer.from('<html>503</html>')).message).toContain('not the KDMV');
  expect(failureOf(Buffer.alloc(100_000))).toBeInstanceOf(NotADiskError);
});

test('a check that failed fails on', () => {
  const checker = new StreamOptimizedCheck({ name: 'disk.vmdk' });
  expect(() => checker.update(Buffer.alloc(10))).toThrow(NotADiskError);
  expect(() => checker.update(GOOD)).toThrow(NotADiskError);
  expect(() => checker.finish()).toThrow(NotADiskError);
});

const wrongGrain = (data: Uint8Array, sizeField?: number, sector = 256): Unit => ({
  kind: 'grain',
  sector,
  data,
  ...(sizeField === undefined ? {} : { sizeField }),
});

/** The start sectors of the first two grains. */
const [FIRST, SECOND] = [128, 128 + Math.ceil((12 + deflateSync(noise(GRAIN, 1)).length) / 512)];
const SWAPPED = new Map([
  [FIRST, SECOND],
  [SECOND, FIRST],
]);

const CORRUPT: [string, RegExp, Buffer][] = [
  ['an unknown version', /version 4 is unknown/, buildStream(CAPACITY, GRAINS, { header: { version: 4 } })],
  ['no compression flag', /not compressed/, buildStream(CAPACITY, GRAINS, { header: { flags: 0x20001 } })],
  ['no marker flag', /no markers/, buildStream(CAPACITY, GRAINS, { header: { flags: 0x10001 } })],
  ['a text-mode transfer', /text mode/, buildStream(CAPACITY, GRAINS, { header: { lineEnds: 0x0a200a0a } })],
  ['an unknown compression', /algorithm 2/, buildStream(CAPACITY, GRAINS, { header: { compression: 2 } })],
  ['zero capacity', /capacity is zero/, buildStream(CAPACITY, GRAINS, { header: { capacity: 0n } })],
  ['a capacity over 64 TiB', /64 TiB/, buildStream(CAPACITY, GRAINS, { header: { capacity: 2n ** 37n + 1n } })],
  ['a grain size of 96 sectors', /power of two/, buildStream(CAPACITY, GRAINS, { header: { grainSize: 96n } })],
  ['a grain size of 4 sectors', /power of two/, buildStream(CAPACITY, GRAINS, { header: { grainSize: 4n } })],
  ['a huge grain size', /power of two/, buildStream(CAPACITY, GRAINS, { header: { grainSize: 2n ** 60n } })],
  ['a grain table of 1024 entries', /1 to 512/, buildStream(CAPACITY, GRAINS, { header: { tableEntries: 1024 } })],
  ['a huge descriptor', /over 1 MiB/, buildStream(CAPACITY, GRAINS, { header: { descriptorSize: 2n ** 62n } })],
  [
    'a descriptor that overlaps the grains',
    /overlaps the grains/,
    buildStream(CAPACITY, GRAINS, { header: { descriptorSize: 128n } }),
  ],
  ['no room for a header', /before the first grain/, buildStream(CAPACITY, GRAINS, { header: { overHead: 0n } })],
  ['a directory in the header', /overlap the header/, buildStream(CAPACITY, GRAINS, { header: { gdOffset: 0n } })],
  ['a grain beyond the capacity', /beyond the capacity/, buildStream(CAPACITY, new Map([[641, noise(GRAIN, 1)]]))],
  [
    'a grain off its border',
    /grain boundary/,
    buildStream(CAPACITY, GRAINS, {
      units: whole((units) => units.splice(2, 0, wrongGrain(noise(99, 1), undefined, 257))),
    }),
  ],
  [
    'a repeated grain',
    /is repeated/,
    buildStream(CAPACITY, GRAINS, { units: whole((units) => units.splice(1, 0, ...units.slice(0, 1))) }),
  ],
  [
    'a grain too large',
    /over 74763/,
    buildStream(CAPACITY, GRAINS, { units: whole((units) => units.splice(2, 0, wrongGrain(noise(80_000, 1)))) }),
  ],
  [
    'a grain too small',
    /too short for zlib/,
    buildStream(CAPACITY, GRAINS, { units: whole((units) => units.splice(2, 0, wrongGrain(Buffer.from([0x78]), 1))) }),
  ],
  [
    'a grain that is not zlib',
    /zlib stream/,
    buildStream(CAPACITY, GRAINS, { units: whole((units) => units.splice(2, 0, wrongGrain(Buffer.alloc(99, 0x79)))) }),
  ],
  [
    'an unknown marker',
    /unknown type 9/,
    buildStream(CAPACITY, GRAINS, { units: whole((units) => units.splice(3, 0, { kind: 'end', type: 9 })) }),
  ],
  [
    'a grain table of absurd length',
    /grain table of 1099511627776 sectors/,
    buildStream(CAPACITY, GRAINS, { units: whole((units) => units.splice(3, 1, { kind: 'table', value: 2n ** 40n })) }),
  ],
  [
    'a grain directory of no sectors',
    /grain directory of 0 sectors/,
    buildStream(CAPACITY, GRAINS, { units: whole((units) => units.splice(-3, 1, { kind: 'directory', value: 0n })) }),
  ],
  [
    'a footer of two sectors',
    /footer has 2 sectors/,
    buildStream(CAPACITY, GRAINS, { units: whole((units) => units.splice(-2, 1, { kind: 'footer', value: 2n })) }),
  ],
  ['a footer without magic', /in its footer, the magic/, buildStream(CAPACITY, GRAINS, { footer: { magic: 7 } })],
  [
    'a footer of another capacity',
    /the capacity is 128/,
    buildStream(CAPACITY, GRAINS, { footer: { capacity: 128n } }),
  ],
  ['a footer of another grain size', /sizes of grains/, buildStream(CAPACITY, GRAINS, { footer: { grainSize: 256n } })],
  [
    'a footer that points elsewhere',
    /gives the grain directory at sector 5/,
    buildStream(CAPACITY, GRAINS, { footer: { gdOffset: 5n } }),
  ],
  ['a footer that points nowhere', /2\^64-1/, buildStream(CAPACITY, GRAINS, { footer: { gdOffset: 2n ** 64n - 1n } })],
  [
    'a lost directory',
    /is not in the stream/,
    buildStream(CAPACITY, GRAINS, { footer: { gdOffset: 5n }, units: whole((units) => units.splice(-3, 1)) }),
  ],
  [
    'a lost footer',
    /before any footer/,
    buildStream(CAPACITY, GRAINS, { units: whole((units) => units.splice(-2, 1)) }),
  ],
  [
    'a grain after the directory',
    /after the grain directory/,
    buildStream(CAPACITY, GRAINS, {
      units: whole((units) => units.splice(-2, 0, wrongGrain(noise(9, 1), undefined, 640 * 128))),
    }),
  ],
  [
    'a second directory',
    /second grain directory/,
    buildStream(CAPACITY, GRAINS, { units: whole((units) => units.splice(-3, 0, { kind: 'directory' })) }),
  ],
  [
    'grain tables without end',
    /more than 2 grain tables come/,
    buildStream(CAPACITY, GRAINS, {
      units: whole((units) => units.splice(3, 0, ...Array.from({ length: 9 }, () => ({ kind: 'table' as const })))),
    }),
  ],
  [
    'zeros without end',
    /more than 1 MiB of zeros comes after its end-of-stream marker/,
    buildStream(CAPACITY, GRAINS, { tail: Buffer.alloc(2 ** 20 + 512) }),
  ],
  [
    'a marker after the footer',
    /after the footer/,
    buildStream(CAPACITY, GRAINS, { units: whole((units) => units.splice(-1, 0, { kind: 'footer' })) }),
  ],
  [
    'an end-of-stream marker with sectors',
    /names 3 sectors/,
    buildStream(CAPACITY, GRAINS, { units: whole((units) => units.splice(-1, 1, { kind: 'end', value: 3n })) }),
  ],
  [
    'bytes after the end',
    /come after its end-of-stream/,
    buildStream(CAPACITY, GRAINS, { tail: Buffer.from([0, 0, 9]) }),
  ],
  [
    'a lost grain',
    /name 7 grains, and 5 came/,
    buildStream(CAPACITY, GRAINS, { tableEntry: (value, index) => (index === 300 ? 4096 : value) }),
  ],
  [
    'a lost grain table',
    /names 2 grain tables that are not the 1/,
    buildStream(CAPACITY, new Map([[0, noise(GRAIN, 1)]]), { directoryEntry: (value) => value || 77 }),
  ],
  [
    'a grain table that names another place',
    /do not point to its grains/,
    buildStream(CAPACITY, GRAINS, { tableEntry: (value, index) => (value > 0 && index === 1 ? value + 1 : value) }),
  ],
  [
    'a grain table with two entries swapped',
    /do not point to its grains/,
    buildStream(CAPACITY, GRAINS, { tableEntry: (value) => SWAPPED.get(value) ?? value }),
  ],
  [
    'a directory that names another place',
    /names 2 grain tables/,
    buildStream(CAPACITY, GRAINS, { directoryEntry: (value, index) => value + index }),
  ],
];

test.each(CORRUPT)('%s is refused by name and place', (_what, message, bytes) => {
  const error = failureOf(bytes);
  expect(error.message).toMatch(message);
  expect(error.message).toMatch(/disk\.vmdk .* \(at byte \d+\)\.$/);
  expect([error.kind, error.retryable]).toEqual(['image', true]);
});

test('a table entry of 1 stands for a grain of zeros', () => {
  expect(check(buildStream(CAPACITY, GRAINS, { tableEntry: (value) => value || 1 })).grainCount).toBe(5);
});

test('damage of any kind gives an error of the family, and never a hang', () => {
  const next = seededNumbers(20261122);
  let refused = 0;
  for (let round = 0; round < 4000; round++) {
    const bytes = Buffer.from(GOOD);
    // Half of the damage is in structures. Damage to the payload is found by a hash, not by the check.
    const hits = 1 + (next() % 4);
    for (let hit = 0; hit < hits; hit++) bytes[placeOf(next)] = next() & 0xff;
    const cut = next() % 4 === 0 ? bytes.subarray(0, next() % bytes.length) : bytes;
    try {
      check(cut, () => 1 + (next() % 100_000));
    } catch (error) {
      expect(error).toMatchObject({ retryable: true, message: expect.stringContaining('disk.vmdk') });
      refused += 1;
    }
  }
  expect(refused).toBeGreaterThan(1500);
});

function placeOf(next: () => number): number {
  const sector = next() % 3 === 0 ? 0 : Math.floor((next() % GOOD.length) / 512);
  return next() % 2 === 0 ? next() % GOOD.length : sector * 512 + (next() % 80);
}
