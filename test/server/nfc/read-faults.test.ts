import { expect, test } from '@jest/globals';
import type { NfcFault } from './nfc-faults.ts';
import { CONTENT, nfcScene, PATH } from './nfc-scene.ts';
import type { RawFragment } from './raw-nfc-client.ts';

const KIB = 1024;
const SIZE = 256 * KIB;
/** The fragments of a correct answer to a read of `SIZE` bytes. */
const CORRECT = [0, 64, 128, 192].map((place) => [place * KIB, 64 * KIB]);

test.each<[NfcFault, (fragments: RawFragment[]) => unknown, unknown]>([
  [{ action: 'reversed' }, placesOf, CORRECT.toReversed()],
  [{ action: 'read-status', status: 9 }, ([first]) => first?.status, 9n],
  [{ action: 'twice' }, placesOf, [CORRECT[0], ...CORRECT]],
  [{ action: 'overlap' }, placesOf, CORRECT.with(1, [64 * KIB - 512, 64 * KIB + 512])],
  [{ action: 'gap' }, placesOf, CORRECT.with(1, [64 * KIB + 512, 64 * KIB - 512])],
  [{ action: 'missing-fragment' }, placesOf, CORRECT.slice(0, 3)],
  [{ action: 'past-the-end' }, placesOf, CORRECT.with(3, [192 * KIB + 512, 64 * KIB])],
  [{ action: 'wrong-length' }, ([first]) => [first?.length, first?.data.length], [64 * KIB, 64 * KIB - 1]],
  [{ action: 'wrong-operation' }, ([first]) => first?.operation, 100_004],
  [{ action: 'huge-length', field: 'total' }, ([first]) => first?.total, 0xffff_fff0],
  [{ action: 'huge-length', field: 'place' }, ([first]) => first?.place, 0xffff_fff0],
  [{ action: 'huge-length', field: 'length' }, ([first]) => first?.length, 0xffff_fff0],
])('a read can go wrong with %j', async (fault, observe, expected) => {
  await using scene = await nfcScene();
  const client = await scene.open();
  const { handle } = await client.openFile(PATH);
  scene.server.faults.add({ on: 'nfc', target: PATH, ...fault });
  await client.requestRead(handle, 0, SIZE);
  const fragments: RawFragment[] = [];
  const { length } = Array.isArray(expected) && Array.isArray(expected[0]) ? expected : CORRECT;
  while (fragments.length < length) fragments.push(await client.fragment());
  expect(await client.isSilent(50)).toBe(true);
  expect(observe(fragments)).toEqual(expected);
  expect(scene.server.faults.pending).toEqual([]);
});

test.each([
  [{ action: 'wrong-magic' }, 0, 0xa100_da7b],
  [{ action: 'huge-length', field: 'payload' }, 8, 0xffff_fff0],
  [{ action: 'huge-length', field: 'extra' }, 52, 0xffff_fff0],
] as const)('a read can begin with a bad head: %j', async (fault, at, expected) => {
  await using scene = await nfcScene();
  const client = await scene.open();
  const { handle } = await client.openFile(PATH);
  scene.server.faults.add({ on: 'nfc', ...fault });
  await client.requestRead(handle, 0, SIZE);
  expect((await client.take(60)).readUInt32LE(at)).toBe(expected);
});

test.each([undefined, 512])('a read can have a flipped bit at %p', async (atByte) => {
  await using scene = await nfcScene();
  const client = await scene.open();
  const { handle } = await client.openFile(PATH);
  scene.server.faults.add({ on: 'nfc', action: 'flip-bit', ...(atByte === undefined ? {} : { atByte }) });
  await client.requestRead(handle, 0, 1024);
  const { data } = await client.fragment();
  const good = (await CONTENT.read(0, 1024)) ?? Buffer.alloc(1024);
  const different = [...data].flatMap((byte, at) => (byte === good[at] ? [] : [at]));
  expect(different).toEqual([atByte ?? 0]);
});

test.each([
  [undefined, 0],
  [2, 2],
  [99, 3],
])('a read can fail after %p fragments', async (afterFragments, expected) => {
  await using scene = await nfcScene();
  const client = await scene.open();
  const { handle } = await client.openFile(PATH);
  const after = afterFragments === undefined ? {} : { afterFragments };
  scene.server.faults.add({ on: 'nfc', skip: 1, action: 'read-error', code: 13, text: 'bad', ...after });
  await client.requestRead(handle, 0, SIZE);
  await client.fragments(SIZE);
  await client.requestRead(handle, 0, SIZE);
  await client.fragments(expected * 64 * KIB);
  await expect(client.fragment()).rejects.toThrow('error 13: bad');
  // The error has ended this read, and not the next one.
  await client.requestRead(handle, 0, 512);
  expect((await client.fragment()).length).toBe(512);
});

test('a read is refused while others are in flight', async () => {
  await using scene = await nfcScene();
  const client = await scene.open();
  const { handle } = await client.openFile(PATH);
  scene.server.faults.add({ on: 'nfc', action: 'busy', inFlight: 2 });
  scene.server.faults.add({ on: 'nfc', action: 'late', ms: 200 });
  const operations = [];
  for (let index = 0; index < 3; index += 1) operations.push(await client.requestRead(handle, 0, SIZE));
  const refusal = await client.nextFrame();
  expect(refusal).toMatchObject({ type: 1, operation: operations[2] });
  expect(refusal.payload.readUInt32LE(0)).toBe(5);
  await client.fragments(2 * SIZE);
});

test('a single read can be stored as requested, and reads can be mixed', async () => {
  await using scene = await nfcScene();
  const client = await scene.open();
  const { handle } = await client.openFile(PATH);
  scene.server.faults.add({ on: 'nfc', action: 'stored-as-requested' });
  // The second extent of the disk is random.
  for (const expected of [3, 0]) {
    await client.requestRead(handle, 384 * KIB, 512, 3);
    expect((await client.fragment()).packing).toBe(expected);
  }
  scene.server.faults.add({ on: 'nfc', times: 2, action: 'mixed' });
  const first = await client.requestRead(handle, 0, SIZE);
  await client.requestRead(handle, 0, SIZE);
  const operations = (await client.fragments(2 * SIZE)).map((each) => each.operation);
  expect(operations).not.toEqual(operations.toSorted((a, b) => a - b));
  expect(operations.filter((each) => each === first)).toHaveLength(4);
});

test.each([0, 30, 60, 70_000, 131_000])(
  'a connection can end or stall after %d bytes of an answer',
  async (afterBytes) => {
    await using scene = await nfcScene();
    for (const action of ['cut', 'stall'] as const) {
      const client = await scene.open();
      const { handle } = await client.openFile(PATH);
      scene.server.faults.add({ on: 'nfc', action, afterBytes });
      await client.requestRead(handle, 0, SIZE);
      expect((await client.take(afterBytes)).length).toBe(afterBytes);
      if (action === 'cut') await expect(client.take(1)).rejects.toThrow('the connection ended');
      else expect(await client.isSilent()).toBe(true);
      client.hangUp();
      expect(await scene.ended()).toMatchObject({ outcome: action, session: 'abandoned' });
    }
  },
);

test('closing a file can stall', async () => {
  await using scene = await nfcScene();
  const client = await scene.open();
  const { handle } = await client.openFile(PATH);
  scene.server.faults.add({ on: 'nfc', action: 'close-stall' });
  await client.frame(5, handle);
  expect(await client.isSilent()).toBe(true);
});

function placesOf(fragments: readonly RawFragment[]): number[][] {
  return fragments.map(({ place, length }) => [place, length]);
}
