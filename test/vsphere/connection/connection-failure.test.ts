import { describe, expect, test } from '@jest/globals';
import { createServer, type Socket } from 'node:net';
import { once } from 'node:events';
import { CertificateTrust } from '../../../src/vsphere/connection/certificate-trust.ts';
import { connectionError, factsOfStatus, type Purpose } from '../../../src/vsphere/connection/connection-failure.ts';
import { TrustedConnector } from '../../../src/vsphere/connection/trusted-socket.ts';

const ESXI = new URL('https://esx01/nfc/x/disk-0.vmdk');

function failure(code: string, purpose: Purpose, env: NodeJS.ProcessEnv = {}) {
  return connectionError(Object.assign(new Error('text that may say anything'), { code }), ESXI, { purpose, env });
}

describe('a host that disks come from', () => {
  test.each([
    ['ENOTFOUND', /^Disks are downloaded from esx01 directly.*resolve that name/, false],
    ['EAI_AGAIN', /^Disks are downloaded from esx01 directly.*resolve that name/, true],
    ['ECONNREFUSED', /^Disks are downloaded from esx01 directly.*port 443/, true],
    ['ETIMEDOUT', /^Disks are downloaded from esx01 directly.*port 443/, true],
    ['EHOSTUNREACH', /^Disks are downloaded from esx01 directly.*port 443/, true],
  ])('is said to be one after %s', (code, hint, retryable) => {
    expect(failure(code, 'disks')).toMatchObject({ hint: expect.stringMatching(hint), retryable });
    expect(failure(code, 'api')).toMatchObject({ hint: expect.not.stringMatching(/Disks/) });
  });
});

describe('a proxy of the environment', () => {
  const env = { https_proxy: 'http://joe:geheim@proxy:3128' };

  test('is said to be unused where it could have led to the server, without its URL', () => {
    const { hint } = failure('ENOTFOUND', 'api', env) as { hint?: string };
    expect(hint).toContain('https_proxy is set, but hyper2kvm does not use a proxy');
    expect(hint).not.toContain('geheim');
  });

  test.each(['ECONNRESET', 'ERR_SSL_UNSUPPORTED_PROTOCOL'])('is not mentioned after %s', (code) => {
    expect(failure(code, 'api', env)).toMatchObject({ hint: expect.not.stringContaining('proxy is set') });
  });
});

/** Builds a record of TLS 1.0 to 1.2, see RFC 5246, section 6.2.1. */
function record(type: number, body: readonly number[]): Buffer {
  return Buffer.from([type, 3, 1, 0, body.length, ...body]);
}

describe('a server that does not speak TLS 1.2', () => {
  const serverHello = [3, 1, ...Array.from({ length: 32 }, () => 7), 0, 0, 0x2f, 0];

  test.each([
    ['that answers with TLS 1.0', record(22, [2, 0, 0, serverHello.length, ...serverHello]), 'TLS 1.2'],
    ['that refuses the version', record(21, [2, 70]), 'TLS 1.2'],
    ['that has no cipher in common', record(21, [2, 40]), 'cipher'],
    ['that speaks plain HTTP', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), 'port in --url'],
  ])('%s is told so, and not tried again', async (_what, answer, remedy) => {
    const server = createServer((socket: Socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.write(answer));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const url = new URL(`https://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`);
    const none = { insecure: true, thumbprint: undefined, caFiles: [], onlyCaFiles: [], knownHostsFiles: [] };
    const connector = new TrustedConnector(new CertificateTrust(none, url));
    const attempt = connector.connect(url, { limitMs: 15_000, signal: new AbortController().signal });
    const error: unknown = await attempt.catch((reason: unknown) => reason);
    server.close();
    expect(error).toMatchObject({ kind: 'transfer', retryable: false, hint: expect.stringContaining(remedy) });
  });
});

test.each([
  [302, false, 'redirect'],
  [401, false, 'requires its own login'],
  [407, false, 'requires its own login'],
  [403, false, 'denies access to this host'],
  [400, false, 'Check the address'],
  [429, true, 'overloaded'],
  [503, true, 'overloaded'],
])('the HTTP status %i is retryable: %s, with a hint of its own', (status, retryable, hint) => {
  expect(factsOfStatus(status, 'vc01')).toEqual({ retryable, hint: expect.stringContaining(hint) });
});
