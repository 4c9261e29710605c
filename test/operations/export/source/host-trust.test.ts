import { describe, expect, test } from '@jest/globals';
import type { TestServerOptions } from '../../../server/options.ts';
import { startTestServer } from '../../../server/test-server.ts';
import { leftOnServer, NOTHING_LEFT, runExport, ScratchFolder } from '../export-run.ts';
import { VM } from './small-web.ts';

describe('the session cookie', () => {
  const servers: [string, TestServerOptions, { endpoint: string; cookie: boolean }][] = [
    ['is not sent to the host that a vCenter names', { diskHost: 'esxi' }, { endpoint: 'esxi', cookie: false }],
    ['is sent to the server itself', { diskHost: 'self' }, { endpoint: 'soap', cookie: true }],
    ['is sent where a host names itself "*"', { apiType: 'HostAgent' }, { endpoint: 'soap', cookie: true }],
  ];
  test.concurrent.each(servers)('%s', async (_title, options, expected) => {
    await using server = await startTestServer({ vms: [VM], ...options });
    await using scratch = await ScratchFolder.make();
    const { error } = await runExport(server, scratch);
    expect(error).toBeUndefined();
    expect(server.state().downloads).toMatchObject([expected, expected]);
    expect(server.state().downloads.map(({ range }) => range)).toEqual([false, false]);
  });
});

test.concurrent('a thumbprint of an unknown kind is ignored, and the certificate beside it counts', async () => {
  const versions = ['9.0.0.0', '8.0.3.0'];
  await using server = await startTestServer({ vms: [VM], thumbprint: 'unknown', versions });
  await using scratch = await ScratchFolder.make();
  const { error } = await runExport(server, scratch);
  expect(error).toBeUndefined();
});

test.concurrent('a thumbprint of an unknown kind alone leaves the decision to the authorities', async () => {
  await using server = await startTestServer({ vms: [VM], thumbprint: 'unknown', sslCertificate: false });
  await using scratch = await ScratchFolder.make();
  const { error } = await runExport(server, scratch, { retries: 0 });
  expect(error).toMatchObject({ kind: 'tls-trust', message: expect.stringMatching(/is not trusted/) });
});

test.concurrent.each(['sha1', 'sha256'] as const)(
  'a host is trusted by the %s that its vCenter vouches for',
  async (thumbprint) => {
    await using server = await startTestServer({ vms: [VM], thumbprint });
    await using scratch = await ScratchFolder.make();
    expect((await runExport(server, scratch)).error).toBeUndefined();
  },
);

test.concurrent('a host that nobody vouches for is not trusted, and gets no request', async () => {
  await using server = await startTestServer({ vms: [VM], thumbprint: 'none', sslCertificate: false });
  await using scratch = await ScratchFolder.make();
  const { error } = await runExport(server, scratch);
  expect(error).toMatchObject({ kind: 'tls-trust', message: expect.stringMatching(/is not trusted/) });
  expect(server.state().downloads).toEqual([]);
  expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
});
