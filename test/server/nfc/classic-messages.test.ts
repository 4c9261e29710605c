import { describe, expect, test } from '@jest/globals';
import { nfcScene } from './nfc-scene.ts';
import { classic, RawNfcClient, uint32s, type RawTicket } from './raw-nfc-client.ts';

test.each(['8.0', '7.0.3'] as const)('a host like %s greets clients that do not wait for 36', async (like) => {
  await using scene = await nfcScene({ like });
  const client = await ready(await scene.ticket());
  await client.greet();
  await client.openSession();
  await client.close();
  expect(await scene.ended()).toMatchObject({ violations: [], outcome: 'closed' });
});

test('a host like 7.0.3 leaves a client waiting for 36 until 51 has arrived', async () => {
  await using scene = await nfcScene({ like: '7.0.3' });
  const client = await ready(await scene.ticket());
  await client.sendClassic(43, tagOf(client));
  await client.sendClassic(33);
  expect(await client.isSilent()).toBe(true);
  await client.sendClassic(51, uint32s(12, 1));
  await client.expectClassic(36);
  expect((await client.expectClassic(51)).readUInt32LE(4)).toBe(9);
});

describe('several messages in one TLS record', () => {
  const together = (client: RawNfcClient) =>
    Buffer.concat([classic(43, tagOf(client)), classic(33), classic(51, uint32s(11))]);

  test('are read one at a time: what follows waits for the next record', async () => {
    await using scene = await nfcScene();
    const client = await ready(await scene.ticket());
    await client.send(together(client));
    expect(await client.isSilent()).toBe(true);
    // The next record wakes the host, which then reads all that waits.
    await client.send(classic(55, uint32s(3)));
    await client.expectClassic(36);
    await client.expectClassic(51);
  });

  test('are read at once by a host that is not so strict', async () => {
    await using scene = await nfcScene({ oneMessagePerRecord: 'no' });
    const client = await ready(await scene.ticket());
    await client.send(together(client));
    await client.expectClassic(36);
    await client.expectClassic(51);
  });
});

test('a message may come in several records', async () => {
  await using scene = await nfcScene();
  const client = await ready(await scene.ticket());
  await client.send(classic(43, tagOf(client)).subarray(0, 100));
  await client.send(classic(43, tagOf(client)).subarray(100));
  await client.sendClassic(33);
  await client.expectClassic(36);
});

test.each([
  ['an unknown message', [classic(77)]],
  ['another tag', [classic(43, Buffer.from('PlainTexts'))]],
  ['a message twice', [classic(33), classic(33)]],
  ['a message with more than its fields', [classic(33, Buffer.alloc(4, 1))]],
  ['version 2', [classic(33), classic(51, uint32s(2))]],
  ['51 before 33', [classic(51, uint32s(11))]],
  ['52 before the others', [classic(33), classic(52)]],
  ['another value in 55', [classic(55, uint32s(4))]],
  ['a name that is too long', [classic(54, uint32s(2000, 1))]],
  ['a name with a NUL', [classic(54, uint32s(2, 1)), Buffer.from('a\0b')]],
])('refuses %s', async (_name, messages) => {
  await using scene = await nfcScene({ message36: 'after-51' });
  const client = await ready(await scene.ticket());
  for (const message of messages) await client.send(message);
  await client.expectClassic(4);
  expect(await scene.ended()).toMatchObject({ outcome: 'refused', violations: [expect.any(String)] });
});

test('a client can leave with message 4', async () => {
  await using scene = await nfcScene();
  const client = await ready(await scene.ticket());
  await client.sendClassic(4);
  await expect(client.take(1)).rejects.toThrow('the connection ended');
  expect(await scene.ended()).toMatchObject({ saidGoodbye: true, violations: [] });
});

test.each([36, 51, 52] as const)('message %d can be a refusal, missing, or a cut', async (at) => {
  await using scene = await nfcScene();
  const refused = async (expected: string) => {
    const client = await ready(await scene.ticket());
    await expect(client.greet()).rejects.toThrow(expected);
    return client;
  };
  scene.server.faults.add({ on: 'nfc', action: 'classic-refusal', at });
  await refused(`message 4 came in place of ${at}`);
  scene.server.faults.add({ on: 'nfc', action: 'classic-refusal', at, type: 37 });
  await refused(`message 37 came in place of ${at}`);
  scene.server.faults.add({ on: 'nfc', action: 'classic-cut', at });
  await refused('the connection ended');
  scene.server.faults.add({ on: 'nfc', action: 'classic-stall', at });
  const client = await ready(await scene.ticket());
  const greeted = client.greet();
  greeted.catch(() => undefined);
  await new Promise((resolve) => setTimeout(resolve, 200));
  client.hangUp();
  await expect(greeted).rejects.toThrow('the connection ended');
  const outcomes = scene.server.state().nfc?.connections.map((each) => each.outcome);
  expect(outcomes).toEqual(['classic-refusal', 'classic-refusal', 'classic-cut', 'classic-stall']);
});

test('the version of the server can be too old', async () => {
  await using scene = await nfcScene();
  scene.server.faults.add({ on: 'nfc', action: 'version', version: 2 });
  const client = await ready(await scene.ticket());
  await client.sendClassic(43, tagOf(client));
  await client.sendClassic(33);
  await client.sendClassic(51, uint32s(11));
  await client.expectClassic(36);
  expect((await client.expectClassic(51)).readUInt32LE(4)).toBe(2);
});

/** Goes as far as the second TLS session. */
async function ready(ticket: RawTicket): Promise<RawNfcClient> {
  const client = await RawNfcClient.connect(ticket);
  await client.secure();
  await client.authenticate(ticket);
  await client.secure();
  return client;
}

function tagOf(client: RawNfcClient): Buffer {
  return Buffer.from(client.tag.padEnd(16, '\0'), 'latin1');
}
