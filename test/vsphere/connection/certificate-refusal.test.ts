import { describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { CertificateTrust } from '../../../src/vsphere/connection/certificate-trust.ts';
import { TrustedConnector } from '../../../src/vsphere/connection/trusted-socket.ts';
import { createCertificateAuthority, type CertificateRequest } from '../../server/certificate.ts';
import { TemporaryFolder } from '../../temporary-folder.ts';

const authority = createCertificateAuthority('Authority of the test');
const HOUR_MS = 3_600_000;

/** Connects to a server with this certificate, signed by a trusted authority, and returns the error. */
async function refusalOf(request: Partial<CertificateRequest>, asServer = true): Promise<unknown> {
  const issued = authority.issue({ commonName: 'vc01', hosts: ['127.0.0.1'], ...request });
  // The lowest OpenSSL security level allows the server to present weak certificates.
  const options = { cert: issued.certificatePem, key: issued.keyPem, ciphers: 'DEFAULT@SECLEVEL=0' };
  const server = createServer(options, (socket) => socket.on('error', () => undefined));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  await using folder = await TemporaryFolder.make('hyper2kvm-test-');
  const file = join(folder.path, 'authority.pem');
  await writeFile(file, authority.certificatePem);
  const settings = { insecure: false, thumbprint: undefined, caFiles: [file], onlyCaFiles: [], knownHostsFiles: [] };
  const ofSession = new URL(`https://127.0.0.1:${asServer ? port : port + 1}`);
  const connector = new TrustedConnector(new CertificateTrust(settings, ofSession));
  const limits = { limitMs: 60_000, signal: new AbortController().signal };
  try {
    const socket = await connector.connect(new URL(`https://127.0.0.1:${port}`), limits);
    socket.destroy();
    return 'trusted';
  } catch (error) {
    return error;
  } finally {
    server.close();
  }
}

test('a certificate in order is trusted', async () => {
  expect(await refusalOf({})).toBe('trusted');
});

describe('the refusal of a certificate says why, and what to do', () => {
  test.each<[string, Partial<CertificateRequest>, RegExp, RegExp]>([
    [
      'expired',
      { notAfter: new Date(Date.now() - HOUR_MS) },
      /It expired at \d{4}-.*Z, and the clock of this host shows \d{4}-.*Z\./,
      /^Renew the certificate, or set the clock/,
    ],
    [
      'not yet valid',
      { notBefore: new Date(Date.now() + HOUR_MS) },
      /It is valid from \d{4}-.*Z, but the clock of this host shows \d{4}-.*Z\./,
      /^Compare both clocks/,
    ],
    [
      'for other names',
      { hosts: ['vc01.example.com', 'vc01', '192.0.2.7'] },
      /Its names are vc01\.example\.com, vc01, 192\.0\.2\.7\./,
      /^Use one of its names in --url/,
    ],
    ['for no name', { hosts: [] }, /Its names are none\./, /^Use one of its names in --url/],
    ['with a weak key', { rsaBits: 1024 }, /Its key of 1024 bits is too weak\./, /key of 2048 bits or more/],
  ])('%s', async (_what, request, message, hint) => {
    expect(await refusalOf(request)).toMatchObject({
      kind: 'tls-trust',
      message: expect.stringMatching(message),
      hint: expect.stringMatching(hint),
    });
  });

  test('on an ESXi host, to which --url and --thumbprint do not apply', async () => {
    const error = await refusalOf({ hosts: ['esx01'] }, false);
    expect(error).toMatchObject({ hint: expect.stringContaining('GOVC_TLS_KNOWN_HOSTS') });
    expect(error).toMatchObject({ hint: expect.not.stringMatching(/--url|--thumbprint/) });
  });
});
