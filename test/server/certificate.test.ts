import { expect, test } from '@jest/globals';
import { X509Certificate } from 'node:crypto';
import { get } from 'node:https';
import { createCertificateAuthority, selfSignedCertificate, thumbprintOf } from './certificate.ts';
import { startTestServer } from './test-server.ts';

test('a server with a certificate of an authority is trusted by who trusts the authority', async () => {
  const authority = createCertificateAuthority('test authority');
  const certificate = authority.issue({ commonName: 'vcenter.test', hosts: ['localhost', '127.0.0.1'] });
  await using server = await startTestServer({ certificate });
  expect(await connectTo(server.url, authority.certificatePem)).toBe('200');
  expect(await connectTo(server.url, undefined)).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
});

test('an expired certificate is expired', async () => {
  const hosts = ['127.0.0.1'];
  const certificate = selfSignedCertificate({ commonName: 'old', hosts, notBefore: days(-9), notAfter: days(-1) });
  await using server = await startTestServer({ certificate });
  expect(await connectTo(server.url, certificate.certificatePem)).toBe('CERT_HAS_EXPIRED');
});

test('a certificate for other hosts is refused', async () => {
  const certificate = selfSignedCertificate({ commonName: 'x', hosts: ['vcenter.test', '10.0.0.1', '2001:db8::1'] });
  await using server = await startTestServer({ certificate });
  expect(await connectTo(server.url, certificate.certificatePem)).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
  expect(new X509Certificate(certificate.certificatePem).subjectAltName).toBe(
    'DNS:vcenter.test, IP Address:10.0.0.1, IP Address:2001:DB8:0:0:0:0:0:1',
  );
});

test('dates beyond 2049 are written in their longer form', () => {
  const { certificatePem } = selfSignedCertificate({ commonName: 'x', notAfter: new Date('2060-01-02T03:04:05Z') });
  expect(new X509Certificate(certificatePem).validTo).toBe('Jan  2 03:04:05 2060 GMT');
  expect(thumbprintOf(certificatePem, 'sha1')).toMatch(/^([0-9A-F]{2}:){19}[0-9A-F]{2}$/);
});

function days(count: number): Date {
  return new Date(Date.now() + count * 86_400_000);
}

/** Returns the HTTP status of a request, or the code of its error. */
async function connectTo(url: URL, ca: string | undefined): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const target = new URL('/sdk/vimServiceVersions.xml', url);
  get(target, { agent: false, ...(ca === undefined ? {} : { ca }) }, (response) => {
    response.resume();
    resolve(String(response.statusCode));
  }).on('error', (error) => resolve('code' in error ? String(error.code) : error.message));
  return promise;
}
