import { expect, test } from '@jest/globals';
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { sentenceOf } from '../../../src/base/errors.ts';
import { CertificateTrust } from '../../../src/vsphere/connection/certificate-trust.ts';
import type { TrustSettings } from '../../../src/vsphere/connection/connection-settings.ts';
import { TrustedConnector } from '../../../src/vsphere/connection/trusted-socket.ts';
import { createCertificateAuthority, thumbprintOf, type ServerCertificate } from '../../server/certificate.ts';
import { makeTemporaryFolder } from '../../temporary-folder.ts';

const authority = createCertificateAuthority('Authority of the test');
const stranger = createCertificateAuthority('Another authority');
const ofServer = authority.issue({ commonName: 'vcenter', hosts: ['127.0.0.1'] });
const sha256 = thumbprintOf(ofServer.certificatePem, 'sha256');
const OTHER_PRINT = thumbprintOf(stranger.certificatePem, 'sha256');

/** Creates a folder with the certificates of the authorities. */
async function makeFiles() {
  const folder = await makeTemporaryFolder('hyper2kvm-test-');
  const [good, strange] = [join(folder, 'good.pem'), join(folder, 'strange.pem')];
  await writeFile(good, authority.certificatePem);
  await writeFile(strange, stranger.certificatePem);
  return { folder, good, strange, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}

/** Listens on the loopback interface and records what clients send. */
async function listen({ certificatePem, keyPem }: ServerCertificate = ofServer) {
  let received = '';
  const server = createServer({ cert: certificatePem, key: keyPem }, (socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => (received += bytes.toString()));
    socket.end('hello');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    received: () => received,
    [Symbol.asyncDispose]: async () => {
      server.close();
      await once(server, 'close');
    },
  };
}

/** Connects as a client whose server is at `pinnedPort`. Resolves to `hello`, or to the error message if the connection is refused. */
async function connect(settings: Partial<TrustSettings>, port: number, { pinnedPort = port, prints = [''] } = {}) {
  const none = { insecure: false, thumbprint: undefined, caFiles: [], onlyCaFiles: [], knownHostsFiles: [] };
  const trust = new CertificateTrust({ ...none, ...settings }, new URL(`https://127.0.0.1:${pinnedPort}`));
  for (const print of prints.filter(Boolean)) trust.trustThumbprint(new URL(`https://127.0.0.1:${port}`), print);
  const connector = new TrustedConnector(trust);
  const options = { limitMs: 60_000, signal: new AbortController().signal };
  try {
    const socket = await connector.connect(new URL(`https://127.0.0.1:${port}`), options);
    const [bytes]: Buffer[] = await once(socket, 'data');
    socket.destroy();
    return String(bytes);
  } catch (error) {
    return sentenceOf(error);
  }
}

test('a certificate of an authority that nobody named is refused, before a byte is sent', async () => {
  await using server = await listen();
  await using files = await makeFiles();
  const refusal = expect.stringMatching(
    /^The certificate of 127\.0\.0\.1:\d+ is not trusted \(.*\)\. It is for vcenter/,
  );
  expect(await connect({}, server.port)).toEqual(refusal);
  expect(await connect({ caFiles: [files.strange] }, server.port)).toEqual(refusal);
  expect(await connect({ onlyCaFiles: [files.strange] }, server.port)).toEqual(refusal);
  expect(server.received()).toBe('');
});

test('a certificate of an authority that is named is good, besides or instead of the system’s', async () => {
  await using server = await listen();
  await using files = await makeFiles();
  expect(await connect({ caFiles: [files.strange, files.good] }, server.port)).toBe('hello');
  expect(await connect({ onlyCaFiles: [files.good] }, server.port)).toBe('hello');
});

test('a good authority does not help a certificate for another host, or an expired one', async () => {
  await using files = await makeFiles();
  const settings = { caFiles: [files.good] };
  await using elsewhere = await listen(authority.issue({ commonName: 'vcenter', hosts: ['127.0.0.2'] }));
  expect(await connect(settings, elsewhere.port)).toContain('is not trusted (');
  await using expired = await listen(
    authority.issue({ commonName: 'vcenter', hosts: ['127.0.0.1'], notAfter: new Date(Date.now() - 3_600_000) }),
  );
  expect(await connect(settings, expired.port)).toContain('is not trusted (CERT_HAS_EXPIRED');
});

test('a pinned thumbprint decides alone, in both its forms', async () => {
  await using server = await listen();
  await using files = await makeFiles();
  const sha1 = thumbprintOf(ofServer.certificatePem, 'sha1');
  expect(await connect({ thumbprint: sha256 }, server.port)).toBe('hello');
  expect(await connect({ thumbprint: sha1.replaceAll(':', '').toLowerCase() }, server.port)).toBe('hello');
  const wrong = { thumbprint: OTHER_PRINT, caFiles: [files.good] };
  expect(await connect(wrong, server.port)).toContain('does not match the pinned thumbprint');
});

test('the pinned thumbprint is that of one server: others need an authority, or one who vouches for them', async () => {
  await using server = await listen();
  await using files = await makeFiles();
  const another = { pinnedPort: server.port + 1 };
  expect(await connect({ thumbprint: sha256 }, server.port, another)).toContain('is not trusted (');
  expect(await connect({ thumbprint: OTHER_PRINT, caFiles: [files.good] }, server.port, another)).toBe('hello');
  const vouched = { ...another, prints: [sha256] };
  expect(await connect({ thumbprint: OTHER_PRINT }, server.port, vouched)).toBe('hello');
  const other = { ...another, prints: [OTHER_PRINT] };
  expect(await connect({}, server.port, other)).toContain('does not match the pinned thumbprint');
});

test('a file of known hosts vouches for those that it names', async () => {
  await using server = await listen();
  await using files = await makeFiles();
  const known = join(files.folder, 'known');
  await writeFile(known, `# of govc\n127.0.0.1:${server.port} ${sha256}\n`);
  expect(await connect({ knownHostsFiles: [known] }, server.port)).toBe('hello');
  await writeFile(known, `127.0.0.1:${server.port} ${OTHER_PRINT}\n`);
  expect(await connect({ knownHostsFiles: [known] }, server.port)).toContain('does not match the pinned thumbprint');
});

test('--insecure takes any certificate', async () => {
  await using server = await listen();
  expect(await connect({ insecure: true }, server.port)).toBe('hello');
});

test('a file with authorities that cannot be read, or holds none, is a usage error', async () => {
  await using files = await makeFiles();
  const empty = join(files.folder, 'empty.pem');
  await writeFile(empty, 'nothing');
  await expect(connect({ caFiles: [join(files.folder, 'none.pem')] }, 1)).rejects.toMatchObject({ kind: 'usage' });
  await expect(connect({ onlyCaFiles: [empty] }, 1)).rejects.toThrow(`The CA file ${empty} holds no PEM certificate.`);
});
