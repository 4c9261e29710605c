import { chmod, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { emptyContent } from '../../server/content-source.ts';
import { startTestServer } from '../../server/test-server.ts';
import { runExport, ScratchFolder } from '../export/export-run.ts';
import { runConvert } from './convert-run.ts';

const VM = {
  name: 'web',
  disks: [{ content: emptyContent(1 << 20) }],
  networkAdapters: [{ macAddress: '00:50:56:01:02:03' }],
};

/** Installs a fake virsh without any domains. It records its arguments in `calls`. With `refuses`, it rejects new domains. */
async function fakeVirsh(
  folder: string,
  refuses = false,
): Promise<{ env: NodeJS.ProcessEnv; calls: () => Promise<string> }> {
  const log = join(folder, 'virsh.log');
  const define = refuses ? 'echo "error: refused" >&2; exit 1' : 'exit 0';
  await writeFile(join(folder, 'virsh'), `#!/bin/sh\necho "$@" >> ${log}\n[ "$2" = list ] && exit 0\n${define}\n`);
  await chmod(join(folder, 'virsh'), 0o755);
  const env = { PATH: `${folder}:/usr/bin:/bin`, XDG_STATE_HOME: join(folder, 'state') };
  return { env, calls: () => readFile(log, 'utf8').catch(() => '') };
}

/** Exports {@link VM} as an OVF package and returns its descriptor. */
async function exportedPackage(scratch: ScratchFolder): Promise<string> {
  await using server = await startTestServer({ vms: [VM] });
  await runExport(server, scratch);
  return join(scratch.output, 'web.ovf');
}

test('a domain is looked for before any work and defined at the end, from its final file', async () => {
  await using scratch = await ScratchFolder.make();
  const { env, calls } = await fakeVirsh(scratch.path);
  const output = `${scratch.path}/kvm/`;
  const networks = { all: 'br0', of: new Map<string, string>() };
  const source = await exportedPackage(scratch);
  const result = await runConvert({ source, output, networks, define: 'qemu:///x', env });
  expect(result).toMatchObject({ defined: 'qemu:///x' });
  expect(await calls()).toBe(
    `--connect=qemu:///x list --all --uuid --name\n--connect=qemu:///x define ${output}web.xml\n`,
  );
  expect(await readFile(`${output}web.xml`, 'utf8')).toContain('<source network="br0"/>');
});

test('an export defines its domain; one that libvirt refuses fails the VM, whose images stay', async () => {
  await using server = await startTestServer({ vms: [VM] });
  for (const refuses of [false, true]) {
    await using scratch = await ScratchFolder.make();
    const { env, calls } = await fakeVirsh(scratch.path, refuses);
    const { result, error } = await runExport(server, scratch, { format: 'qcow2', define: 'qemu:///x', env });
    expect((await calls()).split('\n')[1]).toBe(`--connect=qemu:///x define ${scratch.output}/web.xml`);
    expect(await scratch.files()).toEqual(['web-disk-1.qcow2', 'web.xml']);
    if (refuses) {
      expect(error).toMatchObject({
        kind: 'host',
        message: expect.stringMatching(/^web was exported, but could not be defined: .*refused\.$/),
      });
    } else expect(result?.exported).toMatchObject([{ defined: 'qemu:///x' }]);
  }
});

test('a NIC is connected by its MAC address; one that the VM does not have is refused before any work', async () => {
  await using scratch = await ScratchFolder.make();
  const source = await exportedPackage(scratch);
  const output = `${scratch.path}/kvm/`;
  const networks = (mac: string) => ({ of: new Map<string, string>(), macs: new Map([[mac, { bridge: 'br7' }]]) });
  const refusal = { kind: 'usage', message: expect.stringContaining('--mac names 00:50:56:01:02:04') };
  await expect(runConvert({ source, output, networks: networks('00:50:56:01:02:04') })).rejects.toMatchObject(refusal);
  await runConvert({ source, output, networks: networks('00:50:56:01:02:03') });
  expect(await readFile(`${output}web.xml`, 'utf8')).toMatch(
    /<interface type="bridge">\n\s*<mac address="00:50:56:01:02:03"\/>\n\s*<source bridge="br7"\/>/,
  );
  await using server = await startTestServer({ vms: [VM, { ...VM, name: 'db' }] });
  const options = { format: 'qcow2', output: `${scratch.path}/exported` } as const;
  const refused = await runExport(server, scratch, { ...options, networks: networks('00:50:56:01:02:04') });
  expect(refused.error).toMatchObject(refusal);
  expect(server.state().leases).toEqual([]);
  const several = { ...options, vms: ['web', 'db'], networks: networks('00:50:56:01:02:03') };
  expect((await runExport(server, scratch, several)).error).toMatchObject({
    message: '--mac applies to one VM, but 2 are to be exported.',
  });
});

test('the clock is that of rtc.diffFromUTC on the server', async () => {
  const extraConfig = { 'svga.present': 'TRUE', 'rtc.diffFromUTC': '3600' };
  await using server = await startTestServer({ vms: [{ ...VM, extraConfig }] });
  await using scratch = await ScratchFolder.make();
  await runExport(server, scratch, { format: 'qcow2' });
  const text = await readFile(join(scratch.output, 'web.xml'), 'utf8');
  expect(text).toContain('<clock offset="variable" adjustment="3600" basis="utc"/>');
});

test('for KubeVirt a manifest comes instead of the domain, from a conversion and from an export', async () => {
  await using scratch = await ScratchFolder.make();
  const output = `${scratch.path}/kvm/`;
  const source = await exportedPackage(scratch);
  const result = await runConvert({ source, output, kubevirt: true });
  expect(result.domain).toBe(`${output}web.yaml`);
  expect(result.hardware?.notes).toContainEqual(expect.stringContaining('on the pod network'));
  await using server = await startTestServer({ vms: [VM] });
  await runExport(server, scratch, { format: 'qcow2', output: `${scratch.path}/exported`, kubevirt: true });
  for (const folder of [output, `${scratch.path}/exported/`]) {
    expect((await readdir(folder)).toSorted()).toEqual(['web-disk-1.qcow2', 'web.yaml']);
    const text = await readFile(`${folder}web.yaml`, 'utf8');
    expect(text).toContain(`# virtctl image-upload dv web-disk-1 --size=1Mi --image-path=${folder}web-disk-1.qcow2\n`);
    expect(text).toContain('macAddress: 00:50:56:01:02:03\n');
  }
});

test('without virsh nothing is converted, and no lease is opened', async () => {
  await using scratch = await ScratchFolder.make();
  const env = { PATH: scratch.path, XDG_STATE_HOME: scratch.path };
  const source = await exportedPackage(scratch);
  const define = 'qemu:///system';
  await expect(runConvert({ source, output: `${scratch.path}/kvm/`, define, env })).rejects.toMatchObject({
    kind: 'host',
  });
  await using server = await startTestServer({ vms: [VM] });
  const { error } = await runExport(server, scratch, { format: 'qcow2', output: `${scratch.path}/kvm`, define, env });
  expect(error).toMatchObject({ kind: 'host', hint: expect.stringContaining('libvirt-clients') });
  expect(server.state().leases).toEqual([]);
});

test.each([
  [{ hardware: 'virtio' } as const, '--hardware'],
  [{ networks: { of: new Map<string, string>() } }, '--network'],
  [{ networks: { of: new Map<string, string>(), bridges: { all: 'br0', of: new Map<string, string>() } } }, '--bridge'],
  [{ networks: { of: new Map<string, string>(), macs: new Map([['00:50:56:01:02:03', { network: 'x' }]]) } }, '--mac'],
  [{ define: 'qemu:///system' }, '--define'],
  [{ kubevirt: true }, '--kubevirt'],
])('%j is refused where no domain is written, with the reason', async (option, flag) => {
  await using scratch = await ScratchFolder.make();
  const disk = join(scratch.path, 'disk.img');
  await writeFile(disk, Buffer.alloc(1024));
  const output = `${scratch.path}/kvm/`;
  await expect(runConvert({ source: disk, output, ...option })).rejects.toMatchObject({
    kind: 'usage',
    message: `${flag} applies to the domain of a complete VM, but ${disk} is only a disk, without a VM configuration.`,
  });
  const source = await exportedPackage(scratch);
  await expect(runConvert({ source, output, disks: [1], ...option })).rejects.toMatchObject({
    kind: 'usage',
    message: `${flag} applies to the domain of a complete VM, but --disk converts only a part of it.`,
  });
});
