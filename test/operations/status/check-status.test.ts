import { expect, test } from '@jest/globals';
import { Secret } from '../../../src/base/text/secret.ts';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkStatus } from '../../../src/operations/status/check-status.ts';
import type { StatusFinding, StatusResult } from '../../../src/operations/status/types.ts';
import type { ConnectionSettings } from '../../../src/vsphere/connection/connection-settings.ts';
import { emptyContent } from '../../server/content-source.ts';
import type { TestServerOptions } from '../../server/options.ts';
import { startTestServer } from '../../server/test-server.ts';
import { connectionTo, ScratchFolder } from '../export/export-run.ts';

const VMS = [1, 2, 3].map((number) => ({ name: `vm${number}`, disks: [{ content: emptyContent(1 << 20) }] }));

async function look(
  connection: ConnectionSettings | undefined,
  { path = '', ...options }: { snapshot?: boolean; output?: string; path?: string } = {},
): Promise<StatusResult> {
  await using scratch = await ScratchFolder.make();
  const env = { XDG_STATE_HOME: join(scratch.path, 'state'), PATH: path };
  const all = { version: '1.2.3', output: scratch.path, snapshot: false, env, ...options };
  return checkStatus({ ...all, ...(connection && { connection }) }, { signal: new AbortController().signal });
}

/** Checks a server with these options and returns the findings by check. Expects that no session remains. */
async function lookAt(
  options: TestServerOptions,
  change: (connection: ConnectionSettings) => ConnectionSettings = (connection) => connection,
  snapshot = false,
): Promise<Map<string, StatusFinding>> {
  await using server = await startTestServer({ vms: VMS, ...options });
  const { findings } = await look(change(connectionTo(server, 15_000)), { snapshot });
  expect(server.state().sessions).toEqual([]);
  return new Map(findings.filter(({ area }) => area === 'server').map((finding) => [finding.check, finding]));
}

test.concurrent('without a server the host alone is looked at', async () => {
  const { findings, version, jobs } = await look(undefined);
  expect({ version, jobs }).toEqual({ version: '1.2.3', jobs: [] });
  expect(findings.map(({ area, check }) => `${area} ${check}`)).toEqual([
    'host version',
    'host runtime',
    'host free space',
    'host guestfish',
    'host qemu',
    'host qemu-img',
    'host virt-v2v-in-place',
    'host nbdkit',
    'host virsh',
    'host virt-customize',
    'host KVM',
    'host UEFI firmware',
  ]);
  expect(findings.find(({ check }) => check === 'runtime')?.detail).toContain(process.versions.node);
});

test.concurrent(
  'a program that is missing is named with what needs it, and one that is there with its version',
  async () => {
    await using scratch = await ScratchFolder.make();
    await writeFile(join(scratch.path, 'virsh'), '#!/bin/sh\necho 9.0.0\n', { mode: 0o755 });
    const customize =
      '#!/bin/sh\ncase $1 in --long-options) echo --add --run --upload;; *) echo virt-customize 1.2;; esac\n';
    await writeFile(join(scratch.path, 'virt-customize'), customize, { mode: 0o755 });
    const { findings } = await look(undefined, { path: scratch.path });
    const found = new Map(findings.map(({ check, detail }) => [check, detail]));
    expect(found.get('virsh')).toBe('9.0.0');
    expect(found.get('guestfish')).toBe('not found; --fix needs it');
    expect(found.get('nbdkit')).toBe('not found; virt-v2v-in-place needs it');
    expect(found.get('virt-customize')).toMatch(/^virt-customize 1\.2, without the commands append-line, .*, write$/);
    expect(found.get('virt-customize')).not.toContain('upload');
    expect(found.get('KVM')).toMatch(/QEMU|machine|\/dev\/kvm/);
  },
);

test.concurrent('an output folder that cannot be is an error of the kind local-file', async () => {
  const { findings } = await look(undefined, { output: join(import.meta.filename, 'below-a-file') });
  expect(findings).toContainEqual(expect.objectContaining({ check: 'free space', level: 'error', kind: 'local-file' }));
});

test.concurrent('every problem and every missing program comes with its remedy', async () => {
  const output = join(import.meta.filename, 'below-a-file');
  await using server = await startTestServer({ vms: VMS, missingPrivileges: ['VApp.Export'], clockSkewSeconds: 3600 });
  server.faults.add({ on: 'Logout', action: 'soap-fault', fault: 'NoPermission' });
  const { findings } = await look(connectionTo(server, 15_000), { output, snapshot: true });
  const problems = findings.filter(({ level, detail }) => level !== 'ok' || detail.startsWith('not found'));
  expect(problems.map(({ check }) => check)).toEqual(
    expect.arrayContaining(['free space', 'guestfish', 'virsh', 'VApp.Export', 'clock', 'log out']),
  );
  expect(problems.filter(({ hint }) => hint === undefined || !hint.endsWith('.'))).toEqual([]);
});

const BEFORE_PRIVILEGES = ['reachable', 'certificate', 'API', 'log in'];

test.concurrent('a VirtualCenter that is in order has no complaint', async () => {
  const findings = await lookAt({ apiType: 'VirtualCenter' }, undefined, true);
  expect([...findings.values()].filter(({ level }) => level !== 'ok')).toEqual([]);
  expect([...findings.keys()]).toEqual([
    ...BEFORE_PRIVILEGES,
    'VApp.Export',
    'VirtualMachine.Provisioning.GetVmFiles',
    'VirtualMachine.State.CreateSnapshot',
    'VirtualMachine.State.RemoveSnapshot',
    'NFC',
    'clock',
  ]);
  expect(findings.get('API')?.detail).toMatch(/\(VirtualCenter\), API \d/);
  expect(findings.get('VApp.Export')?.detail).toBe('on all 3 VMs');
  expect(findings.get('certificate')?.detail).toBe('the pinned one');
});

test.concurrent('a HostAgent, which reports no privileges, is in order but for what cannot be checked', async () => {
  const findings = await lookAt({ apiType: 'HostAgent' }, undefined, true);
  expect([...findings.keys()]).toEqual([...BEFORE_PRIVILEGES, 'privileges', 'NFC', 'clock']);
  expect([...findings.values()].filter(({ level }) => level !== 'ok')).toMatchObject([
    { check: 'privileges', level: 'warning', detail: expect.stringMatching(/^not checked on 3 VMs/) },
  ]);
  expect(findings.get('privileges')?.hint).toMatch(/VApp\.Export.*RemoveSnapshot/);
  expect(findings.get('API')?.detail).toMatch(/\(HostAgent\), API \d/);
});

test.concurrent('a server that refuses to report privileges is looked at to the end', async () => {
  await using server = await startTestServer({ vms: VMS });
  server.faults.add({ on: 'HasPrivilegeOnEntities', action: 'soap-fault', fault: 'NotSupported' });
  const { findings } = await look(connectionTo(server));
  expect(findings).toContainEqual(expect.objectContaining({ check: 'privileges', level: 'warning' }));
  expect(findings).toContainEqual(expect.objectContaining({ check: 'clock', level: 'ok' }));
});

test.concurrent('a privilege that is missing is an error, and the others are looked at as well', async () => {
  const missingPrivileges = ['VApp.Export', 'VirtualMachine.State.RemoveSnapshot'];
  const findings = await lookAt({ missingPrivileges }, undefined, true);
  expect(findings.get('VApp.Export')).toMatchObject({
    level: 'error',
    kind: 'authentication',
    detail: 'on none of 3 VMs',
    hint: expect.stringContaining('VApp.Export'),
  });
  expect(findings.get('VirtualMachine.State.RemoveSnapshot')).toMatchObject({ level: 'error' });
  expect(findings.get('VirtualMachine.State.CreateSnapshot')).toMatchObject({ level: 'ok' });
});

test.concurrent('the privileges of snapshots matter only when they are asked for', async () => {
  const findings = await lookAt({ missingPrivileges: ['VirtualMachine.State.RemoveSnapshot'] });
  expect([...findings.values()].filter(({ level }) => level !== 'ok')).toEqual([]);
});

test.concurrent('an account that sees no VM is a warning', async () => {
  const findings = await lookAt({ vms: [] });
  expect(findings.get('privileges')).toMatchObject({ level: 'warning', detail: 'the account sees no VMs' });
});

test.concurrent.each([
  [3600, /3\d{3} s ahead of/],
  [-3600, /3\d{3} s behind/],
])('a clock that is %i s off is a warning', async (clockSkewSeconds, words) => {
  const findings = await lookAt({ clockSkewSeconds });
  expect(findings.get('clock')).toMatchObject({ level: 'warning', detail: expect.stringMatching(words) });
});

test.concurrent(
  'a certificate that is refused is an error with its thumbprints, and nothing more is asked',
  async () => {
    const findings = await lookAt({}, (connection) => ({
      ...connection,
      trust: { ...connection.trust, thumbprint: undefined },
    }));
    expect([...findings.keys()]).toEqual(['certificate']);
    expect(findings.get('certificate')).toMatchObject({
      level: 'error',
      kind: 'tls-trust',
      detail: expect.stringMatching(/SHA-256 [0-9A-F:]{95}, SHA-1 [0-9A-F:]{59}/),
      hint: expect.stringContaining('--thumbprint'),
    });
  },
);

test.concurrent('--insecure is a warning', async () => {
  const findings = await lookAt({}, (connection) => ({
    ...connection,
    trust: { ...connection.trust, thumbprint: undefined, insecure: true },
  }));
  expect(findings.get('certificate')).toMatchObject({
    level: 'warning',
    hint: expect.stringContaining('--thumbprint'),
  });
});

test.concurrent('a login that is refused ends the list', async () => {
  const findings = await lookAt({}, (connection) => ({
    ...connection,
    password: () => Promise.resolve(new Secret('wrong')),
  }));
  expect([...findings.keys()]).toEqual(['reachable', 'certificate', 'API', 'log in']);
  expect(findings.get('log in')).toMatchObject({ level: 'error', kind: 'authentication' });
});

test.concurrent('a server that is not there is not reachable', async () => {
  const url = new URL('https://127.0.0.1:1/sdk');
  const findings = await lookAt({}, (connection) => ({ ...connection, url }));
  expect([...findings.values()]).toMatchObject([{ check: 'reachable', level: 'error', kind: 'transfer' }]);
});

test.concurrent('a session that could not be ended is told', async () => {
  await using server = await startTestServer({ vms: VMS });
  server.faults.add({ on: 'Logout', action: 'soap-fault', fault: 'NoPermission' });
  const { findings } = await look(connectionTo(server));
  expect(findings.at(-1)).toMatchObject({
    check: 'log out',
    level: 'warning',
    detail: expect.stringMatching(/^The session of administrator@vsphere\.local on .* is still open/),
  });
  expect(server.state().sessions).toHaveLength(1);
});

test.concurrent('random-access reads are probed at the host, and their absence is no problem', async () => {
  const withNfc = await lookAt({ nfc: { like: '7.0.3' } });
  expect(withNfc.get('NFC')).toMatchObject({ level: 'ok', detail: expect.stringMatching(/^127.*: version 9$/) });
  expect(withNfc.get('changed block tracking')).toMatchObject({
    level: 'ok',
    detail: expect.stringMatching(/of 3 VMs$/),
  });
  const without = await lookAt({});
  expect(without.get('NFC')).toMatchObject({ level: 'ok', detail: expect.stringMatching(/does not know the method/) });
  const tooOld = await lookAt({ nfc: { protocolVersion: 2 } });
  expect(tooOld.get('NFC')).toMatchObject({ detail: expect.stringMatching(/not available: .* has version 2/) });
});
