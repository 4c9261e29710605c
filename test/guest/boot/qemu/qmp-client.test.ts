import { duplexPair, type Duplex } from 'node:stream';
import { expect, test } from '@jest/globals';
import { GuestAgent } from '../../../../src/guest/boot/observe/guest-agent.ts';
import { QmpClient, type QmpEvent } from '../../../../src/guest/boot/qemu/qmp-client.ts';

const GREETING = { QMP: { version: { qemu: { micro: 22, minor: 2, major: 7 } }, capabilities: ['oob'] } };

interface Asked {
  execute: string;
  arguments?: unknown;
  id: number;
}

/** Connects the client to a fake QEMU. `answer` returns the messages that are sent in reply to each command. */
function connect(answer: (asked: Asked) => unknown[]): { client: QmpClient; server: Duplex; events: QmpEvent[] } {
  const [near, server] = duplexPair();
  const events: QmpEvent[] = [];
  const client = new QmpClient(near, (event) => events.push(event));
  let rest = '';
  server.on('data', (piece: Buffer) => {
    const lines = (rest + piece.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      for (const message of answer(JSON.parse(line))) server.write(`${JSON.stringify(message)}\r\n`);
    }
  });
  return { client, server, events };
}

test('negotiates, tells the version, and matches answers to commands whatever comes between', async () => {
  const late: unknown[] = [];
  const event = { event: 'RESET', data: { guest: true }, timestamp: { seconds: 1, microseconds: 2 } };
  const { client, server, events } = connect(({ execute, id, ...rest }) => {
    if (execute === 'slow') return (late.push({ return: 'slow', id }), []);
    return [event, { return: { execute, arguments: rest.arguments }, id }, ...late.splice(0)];
  });
  server.write(`${JSON.stringify(GREETING)}\r\n`);
  expect(await client.negotiate()).toEqual({ major: 7, minor: 2 });
  const slow = client.execute('slow');
  expect(await client.execute('quick', { a: 1 })).toEqual({ execute: 'quick', arguments: { a: 1 } });
  expect(await slow).toBe('slow');
  expect(events).toEqual(Array.from({ length: 2 }, () => ({ event: 'RESET', data: { guest: true } })));
});

test('a refusal comes with QEMU’s words', async () => {
  const { client } = connect(({ id }) => [{ error: { class: 'GenericError', desc: 'no such thing' }, id }]);
  await expect(client.execute('screendump')).rejects.toThrow('no such thing');
});

test('when QEMU goes, what waits is refused, and what comes later too', async () => {
  const { client, server } = connect(() => []);
  const greeting = client.negotiate();
  const waiting = client.execute('cont');
  server.end();
  await expect(greeting).rejects.toThrow('closed');
  await expect(waiting).rejects.toThrow('closed');
  await expect(client.execute('quit')).rejects.toThrow('closed');
});

test('what is no QMP ends the connection', async () => {
  const { client, server } = connect(() => []);
  const waiting = client.execute('cont');
  server.write('QEMU 7.2.0 monitor - type help\n');
  await expect(waiting).rejects.toThrow('not a QMP message');
});

test('the guest agent is asked when its port is open, and its answer counts once', async () => {
  const [near, guest] = duplexPair();
  let answers = 0;
  const answered = Promise.withResolvers<void>();
  const agent = new GuestAgent(near, () => {
    answers++;
    answered.resolve();
  });
  const asked = Promise.withResolvers<string>();
  guest.once('data', (piece: Buffer) => asked.resolve(piece.toString()));
  guest.write('{"return": {}}\n');
  await new Promise(setImmediate);
  expect(answers).toBe(0);
  agent.portChanged(true);
  expect(JSON.parse(await asked.promise)).toEqual({ execute: 'guest-ping' });
  for (const piece of ['{"error": {"class": "x", "desc": "busy"}}\n', '{"retu', 'rn": {}}\n{"return": {}}\n'])
    guest.write(piece);
  await answered.promise;
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(answers).toBe(1);
});
