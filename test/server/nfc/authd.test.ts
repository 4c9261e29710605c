import { describe, expect, test } from '@jest/globals';
import { createCertificateAuthority, thumbprintOf } from '../certificate.ts';
import { nfcScene } from './nfc-scene.ts';
import { RawNfcClient, type RawTicket } from './raw-nfc-client.ts';

const LINE =
  '220 VMware Authentication Daemon Version 1.10: SSL Required, ServerDaemonProtocol:SOAP, ' +
  'MKSDisplayProtocol:VNC , VMXARGS supported, NFCSSL supported/t, SHA256 supported';

test('greets before TLS and in it, and gives the thumbprint of its certificate', async () => {
  await using scene = await nfcScene();
  const ticket = await scene.ticket();
  const client = await RawNfcClient.connect(ticket);
  expect(client.greeting).toBe(LINE);
  expect(await client.secure()).toBe(ticket.thumbprint);
  const thumbprint = scene.server.nfc?.sha256;
  expect(await client.authenticate(ticket)).toEqual([LINE, `200 ${thumbprint}`, '200 Connect ha-nfcssl']);
  expect(await client.secure()).toBe(ticket.thumbprint);
});

test('the thumbprint of a ticket is that of the ESXi listener, or that of the server on a host', async () => {
  await using vcenter = await nfcScene();
  await using host = await nfcScene({}, { apiType: 'HostAgent' });
  expect((await vcenter.ticket()).thumbprint).not.toBe(vcenter.server.thumbprint.sha1);
  expect((await host.ticket()).thumbprint).toBe(host.server.thumbprint.sha1);
  await using silent = await nfcScene({ thumbprint: 'none' });
  expect((await silent.ticket()).thumbprint).toBe('');
});

test('the certificate can be given, and changes during the run', async () => {
  const authority = createCertificateAuthority('VMCA');
  const esxiCertificate = authority.issue({ commonName: 'esxi', hosts: ['127.0.0.1'] });
  await using scene = await nfcScene({}, { esxiCertificate });
  const expected = thumbprintOf(esxiCertificate.certificatePem, 'sha1');
  const ticket = await scene.ticket();
  expect(ticket.thumbprint).toBe(expected);
  expect(await (await RawNfcClient.connect(ticket)).secure()).toBe(expected);

  scene.server.changeEsxiCertificate();
  const later = await scene.ticket();
  expect(later.thumbprint).toBe(expected);
  const client = await RawNfcClient.connect(later);
  const changed = await client.secure();
  expect(changed).not.toBe(expected);
  // The line is right for the new certificate: only the ticket shows that it is another one.
  const [, line] = await client.authenticate(later);
  expect(line).toBe(`200 ${scene.server.nfc?.sha256}`);
  expect(await client.secure()).toBe(changed);
});

test.each([
  ['BANNER without its space', ['BANNER']],
  ['a tag that is too long', ['THUMBPRINT_SHA2 12345678901234567']],
  ['an unknown command', ['USER root']],
  ['PROXY without SESSION', ['PROXY vpxa-nfcssl']],
  ['PROXY without TLS', ['SESSION', 'PROXY vpxa-nfc']],
  ['PROXY for the service of an ESXi host', ['SESSION', 'PROXY nfcssl']],
  ['a ticket that does not exist', ['SESSION 4711']],
])('refuses %s', async (_name, lines) => {
  await using scene = await nfcScene();
  const ticket = await scene.ticket();
  const client = await RawNfcClient.connect(ticket);
  await client.secure();
  let answer = '';
  for (const line of lines) {
    if (line === 'SESSION') await client.line(`SESSION ${ticket.sessionId}`, false);
    else answer = await client.line(line);
  }
  expect(answer).toMatch(/^5\d\d /);
  expect(await scene.ended()).toMatchObject({ outcome: 'refused', stage: 'authd' });
});

test('answers lines that arrive together', async () => {
  await using scene = await nfcScene();
  const ticket = await scene.ticket();
  const client = await RawNfcClient.connect(ticket);
  await client.secure();
  expect(await client.line(`SESSION ${ticket.sessionId}\r\nBANNER \r\nPROXY vpxa-nfcssl`)).toBe(LINE);
  expect(await client.take(23)).toEqual(Buffer.from('200 Connect ha-nfcssl\r\n'));
});

test('many connections change to their second TLS session at the same time', async () => {
  await using scene = await nfcScene();
  const open = async () => (await scene.open()).close();
  await Promise.all(Array.from({ length: 40 }, open));
  await scene.ended();
  const connections = scene.server.state().nfc?.connections ?? [];
  expect(connections.map((each) => each.outcome)).toEqual(Array.from({ length: 40 }, () => 'closed'));
});

describe('a capability can be missing:', () => {
  test('without SHA256 the thumbprint is unknown, and a client without it is accepted', async () => {
    await using scene = await nfcScene();
    scene.server.faults.add({ on: 'nfc', action: 'no-capability', word: 'SHA256', times: 2 });
    const ticket = await scene.ticket();
    const client = await RawNfcClient.connect(ticket);
    expect(client.greeting).not.toContain('SHA256');
    expect(client.greeting).toContain('NFCSSL');
    await client.secure();
    expect(await client.line('THUMBPRINT_SHA2 PlainText')).toMatch(/^500 /);

    const careful = await connected(ticket, await scene.ticket());
    expect(await careful.line('BANNER ')).not.toContain('SHA256');
    expect(await careful.line('PROXY vpxa-nfcssl')).toBe('200 Connect ha-nfcssl');
    await careful.secure();
    await careful.greet();
    await careful.openSession();
    await careful.close();
    expect(await scene.ended()).toMatchObject({ outcome: 'closed', violations: [] });
  });

  test('without NFCSSL the service is refused', async () => {
    await using scene = await nfcScene({ capabilities: ['SHA256 supported'] });
    const ticket = await scene.ticket();
    const client = await connected(ticket, ticket);
    expect(client.greeting).not.toContain('NFCSSL');
    expect(await client.line('PROXY vpxa-nfcssl')).toMatch(/^504 /);
  });
});

test.each([
  [1, [true, false]],
  [2, [false, true]],
] as const)('TLS session %d can have the certificate of another host', async (session, expected) => {
  await using scene = await nfcScene();
  scene.server.faults.add({ on: 'nfc', action: 'wrong-certificate', session });
  const ticket = await scene.ticket();
  const client = await RawNfcClient.connect(ticket);
  const first = await client.secure();
  const [, thumbprint] = await client.authenticate(ticket);
  expect(thumbprint).toBe(`200 ${scene.server.nfc?.sha256}`);
  const second = await client.secure();
  expect([first, second].map((each) => each !== ticket.thumbprint)).toEqual(expected);
});

test('a client that rejects the second certificate is a connection that was abandoned', async () => {
  await using scene = await nfcScene();
  const ticket = await scene.ticket();
  const client = await RawNfcClient.connect(ticket);
  await client.secure();
  await client.authenticate(ticket);
  client.hangUp();
  expect(await scene.ended()).toMatchObject({
    outcome: 'abandoned',
    stage: 'classic',
    session: 'none',
    violations: [],
  });
});

test.each([
  [{ action: 'spent-ticket' }, 'SESSION', /^530 /],
  [{ action: 'spent-ticket', at: 'PROXY' }, 'PROXY', /^530 /],
  [{ action: 'authd-line', at: 'BANNER', line: '500 no' }, 'BANNER', /^500 no$/],
  [{ action: 'authd-line', at: 'THUMBPRINT_SHA2', line: '200 00:11' }, 'THUMBPRINT_SHA2', /^200 00:11$/],
  [{ action: 'authd-line', at: 'PROXY', line: '200 Connect other' }, 'PROXY', /^200 Connect other$/],
] as const)('goes wrong with %j', async (fault, step, expected) => {
  await using scene = await nfcScene();
  scene.server.faults.add({ on: 'nfc', target: 'vm', ...fault });
  const ticket = await scene.ticket();
  const client = await RawNfcClient.connect(ticket);
  await client.secure();
  let answer = await client.line(`SESSION ${ticket.sessionId}`, step === 'SESSION');
  for (const line of ['BANNER ', 'THUMBPRINT_SHA2 PlainText', 'PROXY vpxa-nfcssl']) {
    if (step === 'SESSION') break;
    answer = await client.line(line);
    if (line.startsWith(step)) break;
  }
  expect(answer).toMatch(expected);
  expect(scene.server.faults.pending).toEqual([]);
});

test('can stall and cut', async () => {
  await using scene = await nfcScene();
  scene.server.faults.add({ on: 'nfc', action: 'authd-stall', at: 'BANNER' });
  const ticket = await scene.ticket();
  const client = await connected(ticket, ticket);
  await client.line('BANNER ', false);
  expect(await client.isSilent()).toBe(true);
  client.hangUp();
  expect(await scene.ended()).toMatchObject({ outcome: 'authd-stall' });

  scene.server.faults.add({ on: 'nfc', action: 'authd-cut', at: 'PROXY' });
  const other = await connected(ticket, await scene.ticket());
  await expect(other.line('PROXY vpxa-nfcssl')).rejects.toThrow('the connection ended');
  expect(await scene.ended()).toMatchObject({ outcome: 'authd-cut' });
});

test('can greet with any line', async () => {
  await using scene = await nfcScene();
  scene.server.faults.add({ on: 'nfc', action: 'greeting', line: 'SSH-2.0-OpenSSH_9.8' });
  expect((await RawNfcClient.connect(await scene.ticket())).greeting).toBe('SSH-2.0-OpenSSH_9.8');
});

/** Connects, and sends the second ticket's session ID. */
async function connected(place: RawTicket, { sessionId }: RawTicket): Promise<RawNfcClient> {
  const client = await RawNfcClient.connect(place);
  await client.secure();
  await client.line(`SESSION ${sessionId}`, false);
  return client;
}
