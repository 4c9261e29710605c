import { describe, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { inflateSync } from 'node:zlib';
import { emptyContent, randomContent, sparseContent, type ContentSource } from '../content-source.ts';
import type { NfcOptions } from './nfc-options.ts';
import { CONTENT, nfcScene, PATH } from './nfc-scene.ts';
import { uint32s, type RawFragment, type RawNfcClient } from './raw-nfc-client.ts';

const KIB = 1024;
const MIB = 1 << 20;

describe('a session', () => {
  test('has fragments of the size of its buffers', async () => {
    await using scene = await nfcScene();
    const client = await scene.open('first', [MIB, 4]);
    const { handle } = await client.openFile(PATH);
    await client.requestRead(handle, MIB, 2 * MIB + 512);
    const fragments = await client.fragments(2 * MIB + 512);
    expect(fragments.map(({ place, length }) => [place, length])).toEqual([
      [0, MIB],
      [MIB, MIB],
      [2 * MIB, 512],
    ]);
    expect(await matches(CONTENT, MIB, fragments)).toBe(true);
  });

  test.each([
    [[0, 0], 0x10000],
    [[128 * KIB, 4], 0x20000],
  ] as const)('with buffers %j has fragments of %d bytes', async (buffers, expected) => {
    await using scene = await nfcScene();
    const client = await scene.open('first', [...buffers]);
    const { handle } = await client.openFile(PATH);
    await client.requestRead(handle, 0, MIB);
    expect((await client.fragment()).length).toBe(expected);
  });

  test('is refused buffers of more than 16 MiB', async () => {
    await using scene = await nfcScene();
    await expect(scene.open('first', [4 * MIB, 5])).rejects.toThrow('error 5: failed to allocate the buffers');
    await scene.open('first', [4 * MIB, 4]);
  });

  test('can be refused memory', async () => {
    await using scene = await nfcScene();
    scene.server.faults.add({ on: 'nfc', action: 'session-error', code: 5, text: 'no memory' });
    await expect(scene.open()).rejects.toThrow('error 5: no memory');
  });

  test.each(['first', 'second'] as const)('is closed by a client like the %s', async (style) => {
    await using scene = await nfcScene();
    const client = await scene.open(style);
    const { handle } = await client.openFile(PATH);
    await client.close(handle);
    expect(await scene.ended()).toMatchObject({ session: 'closed', saidGoodbye: true, violations: [] });
  });
});

describe('an open file', () => {
  test('has the fields of the answer', async () => {
    await using scene = await nfcScene();
    const client = await scene.open();
    const { handle, payload } = await client.openFile(PATH);
    expect(handle.readBigUInt64LE(0)).toBeGreaterThan(2n ** 63n);
    expect([0, 4, 16, 20, 36, 44, 48].map((at) => payload.readUInt32LE(at))).toEqual([0, 0, 2, 0x1e, 512, 255, 63]);
  });

  test.each([
    ['8.0', false],
    ['7.0.3', true],
  ] as const)('that failed on %s has an ordinary answer after the error: %s', async (like, expected) => {
    await using scene = await nfcScene({ like });
    const client = await scene.open();
    const operation = await client.requestOpen('[datastore1] vm/none.vmdk');
    await expect(client.expect(4)).rejects.toThrow('error 11');
    if (expected) expect((await client.expect(4, operation)).payload).toEqual(Buffer.alloc(60));
    else expect(await client.isSilent()).toBe(true);
    expect((await client.openFile(PATH)).capacity).toBe(BigInt(CONTENT.capacityBytes));
  });

  test('is never writable', async () => {
    await using scene = await nfcScene();
    const client = await scene.open();
    await expect(client.openFile(PATH, 0x1f)).rejects.toThrow('error 11');
    client.hangUp();
    expect(await scene.ended()).toMatchObject({ violations: ['a file was opened with flags 0x1f'], files: [] });
  });

  test.each([
    [{ action: 'open-error', code: 13, text: 'failed' }, 'error 13: failed'],
    [{ action: 'open-error', code: 11 }, 'error 11: '],
  ] as const)('can fail with %j', async (fault, expected) => {
    await using scene = await nfcScene();
    scene.server.faults.add({ on: 'nfc', target: PATH, ...fault });
    const client = await scene.open();
    await expect(client.openFile(PATH)).rejects.toThrow(expected);
    expect((await client.openFile(PATH)).capacity).toBe(BigInt(CONTENT.capacityBytes));
  });

  test('can have another status or another capacity', async () => {
    await using scene = await nfcScene();
    scene.server.faults.add({ on: 'nfc', action: 'open-status', status: 7 });
    scene.server.faults.add({ on: 'nfc', action: 'capacity', bytes: 2n ** 62n });
    const client = await scene.open();
    expect((await client.openFile(PATH)).payload.readBigUInt64LE(0)).toBe(7n);
    expect((await client.openFile(PATH)).capacity).toBe(2n ** 62n);
  });

  test('knows the values of its descriptor', async () => {
    await using scene = await nfcScene();
    const client = await scene.open();
    const { handle } = await client.openFile(PATH);
    const value = async (key: string) => {
      const operation = await client.frame(11, Buffer.concat([handle, uint32s(key.length, 0)]), Buffer.from(key));
      return (await client.expect(11, operation)).extra.toString();
    };
    expect(await value('adapterType')).toBe('lsilogic');
    expect(await value('toString')).toBe('');
    scene.server.faults.add({ on: 'nfc', action: 'descriptor-error', code: 1, text: 'no' });
    await expect(value('adapterType')).rejects.toThrow('error 1: no');
  });
});

describe('fragments', () => {
  test('come in reverse order', async () => {
    await using scene = await nfcScene({ fragmentOrder: 'reversed' });
    const client = await scene.open();
    const { handle } = await client.openFile(PATH);
    await client.requestRead(handle, 0, 4 * 64 * KIB);
    await client.requestRead(handle, MIB, 2 * 64 * KIB);
    const fragments = await client.fragments(6 * 64 * KIB);
    expect(fragments.map(({ place }) => place / 64 / KIB)).toEqual([3, 2, 1, 0, 1, 0]);
    expect(await matches(CONTENT, 0, fragments.slice(0, 4))).toBe(true);
  });

  test('of several reads are mixed', async () => {
    await using scene = await nfcScene({ fragmentOrder: 'mixed' });
    const client = await scene.open();
    const { handle } = await client.openFile(PATH);
    const first = await client.requestRead(handle, 0, MIB);
    const second = await client.requestRead(handle, MIB, MIB);
    const fragments = await client.fragments(2 * MIB);
    const operations = fragments.map(({ operation }) => operation);
    expect(operations.indexOf(second)).toBeLessThan(operations.lastIndexOf(first));
    const places = fragments.filter((each) => each.operation === first).map((each) => each.place);
    expect(places).not.toEqual(places.toSorted((a, b) => a - b));
    for (const [operation, offset] of [
      [first, 0],
      [second, MIB],
    ] as const) {
      expect(
        await matches(
          CONTENT,
          offset,
          fragments.filter((each) => each.operation === operation),
        ),
      ).toBe(true);
    }
    expect((await done(scene, client)).peakReads).toBe(2);
  });

  const SPARSE = sparseContent(
    MIB,
    [
      { offsetBytes: 1000, lengthBytes: 300, fill: 'text' },
      { offsetBytes: 70 * KIB + 3, lengthBytes: 20 * KIB, fill: 'random' },
      { offsetBytes: 192 * KIB, lengthBytes: 64 * KIB, fill: 'random' },
      { offsetBytes: 256 * KIB, lengthBytes: 64 * KIB, fill: 'text' },
    ],
    'sparse',
  );

  test.each([
    ['nothing', 0, [0, 0, 0, 0, 0, 0]],
    ['zlib', 1, [1, 1, 1, 0, 1, 1]],
    ['FastLZ, which is never smaller here', 2, [0, 0, 0, 0, 0, 0]],
    ['zero runs', 3, [3, 3, 3, 0, 0, 3]],
  ])('are packed with %s', async (_name, packing, expected) => {
    await using scene = await sceneOf(SPARSE);
    const client = await scene.open();
    const { handle } = await client.openFile(PATH);
    await client.requestRead(handle, 0, 384 * KIB, packing);
    const fragments = await client.fragments(384 * KIB);
    expect(fragments.map((each) => each.packing)).toEqual(expected);
    expect(await matches(SPARSE, 0, fragments)).toBe(true);
  });

  test('of zeros are 8 bytes, and runs are not aligned', async () => {
    await using scene = await sceneOf(SPARSE);
    const client = await scene.open();
    const { handle } = await client.openFile(PATH);
    await client.requestRead(handle, 0, 192 * KIB, 3);
    const fragments = await client.fragments(192 * KIB);
    expect(fragments[2]?.data).toEqual(uint32s(64 * KIB, 0));
    expect(fragments[0]?.data.subarray(0, 16)).toEqual(uint32s(64 * KIB, 0, 1000, 300));
  });

  test('that are stored can have the packing that was requested', async () => {
    await using scene = await sceneOf(randomContent(MIB, 'random'), { storedAs: 'requested' });
    const client = await scene.open();
    const { handle } = await client.openFile(PATH);
    await client.requestRead(handle, 0, 64 * KIB, 3);
    expect(await client.fragment()).toMatchObject({ packing: 3, length: 64 * KIB, data: { length: 64 * KIB } });
  });

  test('of a content that cannot be read are an error', async () => {
    const broken = { capacityBytes: MIB, read: async () => Promise.reject(new Error('bad sector')) };
    await using scene = await sceneOf(broken);
    const client = await scene.open();
    const { handle } = await client.openFile(PATH);
    await client.requestRead(handle, 0, 512);
    await expect(client.fragment()).rejects.toThrow('error 13: Error: bad sector');
  });
});

describe('allocated blocks', () => {
  const DISK = sparseContent(
    10 * MIB + 512,
    [
      { offsetBytes: 64 * KIB, lengthBytes: 1, fill: 'text' },
      { offsetBytes: 3 * MIB - 1, lengthBytes: 2, fill: 'text' },
      { offsetBytes: 10 * MIB, lengthBytes: 512, fill: 'text' },
    ],
    'blocks',
  );

  test('are a bit each, in bytes that are padded to 4', async () => {
    await using scene = await sceneOf(DISK);
    const client = await scene.open();
    const { handle, capacity } = await client.openFile(PATH);
    expect(capacity).toBe(BigInt(10 * MIB + 512));
    const bitmap = await askBlocks(client, handle, 64 * KIB, 0, 160);
    expect(bitmap.length).toBe(20);
    expect(setBits(bitmap)).toEqual([1, 47, 48]);
    expect(setBits(await askBlocks(client, handle, MIB, 2 * MIB, 8))).toEqual([0, 1]);
    expect(await done(scene, client)).toMatchObject({ violations: [] });
  });

  test.each(['link', 'chain'] as const)('of a snapshot describe the %s', async (allocatedBlocks) => {
    await using scene = await sceneOf(emptyContent(MIB), { allocatedBlocks }, [{ name: 's' }]);
    const client = await scene.open();
    const { handle } = await client.openFile('[datastore1] vm/vm-000001.vmdk');
    expect(setBits(await askBlocks(client, handle, 64 * KIB, 0, 16))).toEqual([]);
  });

  test.each([
    ['chunks that are too small', 32 * KIB, 0, 1],
    ['too many chunks', 64 * KIB, 0, 524_289],
    ['a start within a chunk', 64 * KIB, 32 * KIB, 1],
    ['chunks after the end', 64 * KIB, 10 * MIB, 1],
    ['no chunk', 64 * KIB, 0, 0],
  ])('are refused for %s', async (_name, chunk, start, count) => {
    await using scene = await sceneOf(DISK);
    const client = await scene.open();
    const { handle } = await client.openFile(PATH);
    await expect(askBlocks(client, handle, chunk, start, count)).rejects.toThrow('error 1: ');
    expect(await done(scene, client)).toMatchObject({ violations: [expect.any(String)] });
  });

  test('can be cut, without padding, or of another count', async () => {
    await using scene = await sceneOf(DISK);
    const client = await scene.open();
    const { handle } = await client.openFile(PATH);
    // Nine chunks are two bytes, and four with their padding.
    scene.server.faults.add({ on: 'nfc', action: 'wrong-count', count: 8 });
    expect((await askBlocks(client, handle, 64 * KIB, 0, 9)).length).toBe(4);
    scene.server.faults.add({ on: 'nfc', action: 'blocks-error', code: 13, text: 'no map' });
    await expect(askBlocks(client, handle, 64 * KIB, 0, 9)).rejects.toThrow('error 13: no map');
    for (const [action, expected] of [
      ['unpadded-bitmap', 2],
      ['short-bitmap', 1],
    ] as const) {
      scene.server.faults.add({ on: 'nfc', action });
      await client.frame(13, blocksRequest(handle, 64 * KIB, 0, 9));
      await client.take(16 + 48 + expected);
      expect(await client.isSilent()).toBe(true);
    }
  });
});

describe('a read', () => {
  test.each([
    ['of half a sector', 256, 512, /error 13: a read must be of whole sectors/],
    ['of no sector', 0, 0, /error 13: a read must be of whole sectors/],
    ['after the end', CONTENT.capacityBytes - 512, 1024, /error 13: a read ends after the end/],
  ])('%s is refused', async (_name, offset, length, expected) => {
    await using scene = await nfcScene();
    const client = await scene.open();
    const { handle } = await client.openFile(PATH);
    await client.requestRead(handle, offset, length);
    await expect(client.fragment()).rejects.toThrow(expected);
    expect(await done(scene, client)).toMatchObject({ violations: [expect.any(String)] });
  });

  test('of the last sector works', async () => {
    await using scene = await nfcScene();
    const client = await scene.open();
    const { handle } = await client.openFile(PATH);
    await client.requestRead(handle, CONTENT.capacityBytes - 512, 512);
    expect(await matches(CONTENT, CONTENT.capacityBytes - 512, [await client.fragment()])).toBe(true);
  });

  test('is refused when the host has no memory for it, counted over all connections', async () => {
    await using scene = await nfcScene({ memoryBytes: 3 * MIB });
    const [first, second] = [await scene.open(), await scene.open()];
    const files = [await first.openFile(PATH), await second.openFile(PATH)] as const;
    scene.server.faults.add({ on: 'nfc', action: 'late', ms: 300 });
    await first.requestRead(files[0].handle, 0, 2 * MIB);
    await second.requestRead(files[1].handle, 0, MIB + 512);
    await expect(second.fragment()).rejects.toThrow('error 5: failed to allocate');
    await second.requestRead(files[1].handle, 0, MIB);
    await second.fragments(MIB);
    await first.fragments(2 * MIB);
    expect(scene.server.state().nfc).toMatchObject({ bytesInFlight: 0, peakBytesInFlight: 3 * MIB });
  });

  test('that its client abandons gives its memory back', async () => {
    await using scene = await nfcScene();
    const client = await scene.open();
    const { handle } = await client.openFile(PATH);
    scene.server.faults.add({ on: 'nfc', action: 'stall', afterBytes: 10 });
    await client.requestRead(handle, 0, MIB);
    await client.take(10);
    expect(scene.server.state().nfc?.bytesInFlight).toBe(MIB);
    await done(scene, client);
    expect(scene.server.state().nfc?.bytesInFlight).toBe(0);
  });
});

describe('a frame is refused', () => {
  test.each<[string, (client: RawNfcClient, handle: Buffer) => Promise<unknown>]>([
    ['with another magic', async (client) => client.send(uint32s(0xa100_da7b, 3, 4, 4, 0))],
    ['of an unknown type', async (client) => client.frame(8, Buffer.alloc(44))],
    ['of another size', async (client) => client.frame(7, Buffer.alloc(48))],
    ['for a file that is not open', async (client) => client.requestRead(Buffer.alloc(8), 0, 512)],
    ['for another resource pool', async (client) => client.frame(22, uint32s(2))],
    ['that writes', async (client, handle) => client.frame(7, readPayload(handle, { opcode: 2 }))],
    ['of two lengths', async (client, handle) => client.frame(7, readPayload(handle, { length: 1024 }))],
    ['with an unknown packing', async (client, handle) => client.frame(7, readPayload(handle, { packing: 4 }))],
  ])('%s', async (_name, send) => {
    await using scene = await nfcScene();
    const client = await scene.open();
    const { handle } = await client.openFile(PATH);
    await send(client, handle);
    await expect(client.expect(7)).rejects.toThrow('error 1: ');
    expect(await scene.ended()).toMatchObject({
      outcome: 'refused',
      session: 'abandoned',
      violations: [expect.any(String)],
    });
  });

  test('before the session is open', async () => {
    await using scene = await nfcScene();
    const opened = await scene.open('first', [0, 1]).catch((error: unknown) => error);
    expect(String(opened)).toContain('error 1: only one of buffer bytes and buffer count is 0');
  });
});

test('a host that looks at the records of frames, too, leaves the second one unread', async () => {
  await using scene = await nfcScene({ oneMessagePerRecord: 'all' });
  const client = await scene.open();
  const { handle } = await client.openFile(PATH);
  const head = (operation: number) => uint32s(0xa100_da7a, 7, 44, operation);
  const read = (operation: number) => Buffer.concat([head(operation), readPayload(handle, {})]);
  await client.send(Buffer.concat([read(4), read(5)]));
  await client.fragment();
  expect(await client.isSilent()).toBe(true);
  await client.send(read(6));
  expect((await client.fragment()).operation).toBe(5);
  expect((await client.fragment()).operation).toBe(6);
});

async function sceneOf(content: ContentSource, nfc: NfcOptions = {}, snapshots: { name: string }[] = []) {
  return nfcScene(nfc, { vms: [{ name: 'vm', moRef: 'vm-1', disks: [{ content }], snapshots }] });
}

async function done(scene: Awaited<ReturnType<typeof nfcScene>>, client: RawNfcClient) {
  client.hangUp();
  return scene.ended();
}

function readPayload(handle: Buffer, { opcode = 1, packing = 0, length = 512 }): Buffer {
  return Buffer.concat([handle, uint32s(opcode, packing, 0, 0, 512, 0, length, 512, 0)]);
}

function blocksRequest(handle: Buffer, chunk: number, start: number, count: number): Buffer {
  return Buffer.concat([handle, uint32s(0, 0, chunk, 0, start, 0, count, 0, 0, 0)]);
}

async function askBlocks(
  client: RawNfcClient,
  handle: Buffer,
  chunk: number,
  start: number,
  count: number,
): Promise<Buffer> {
  const operation = await client.frame(13, blocksRequest(handle, chunk, start, count));
  return (await client.expect(13, operation)).extra;
}

function setBits(bitmap: Buffer): number[] {
  return [...bitmap].flatMap((byte, at) =>
    [0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => byte & (1 << bit)).map((bit) => at * 8 + bit),
  );
}

/** Unpacks fragments of a read at this offset, and compares them with the content. */
async function matches(content: ContentSource, offset: number, fragments: readonly RawFragment[]): Promise<boolean> {
  const total = fragments.reduce((sum, each) => sum + each.length, 0);
  const bytes = Buffer.alloc(total, 0xee);
  for (const fragment of fragments) unpacked(fragment).copy(bytes, fragment.place);
  const expected = (await content.read(offset, total)) ?? Buffer.alloc(total);
  return sha256(bytes) === sha256(expected);
}

function unpacked({ packing, length, data }: RawFragment): Buffer {
  if (packing === 0 || data.length === length) return data;
  if (packing === 1) return inflateSync(data);
  const bytes = Buffer.alloc(length);
  for (let at = 8; at < data.length;) {
    const [place, runBytes] = [data.readUInt32LE(at), data.readUInt32LE(at + 4)];
    data.copy(bytes, place, at + 8, at + 8 + runBytes);
    at += 8 + runBytes;
  }
  return bytes;
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
