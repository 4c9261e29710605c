import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import type { ConvertResult } from '../../../src/operations/convert/types.ts';
import type { FixOptions } from '../../../src/operations/fix-guest/types.ts';
import { sha256Of } from '../../cli-process/convert-run.ts';
import { APPLIANCE_TEST_MS, emptyDisk, withSession } from '../../guest/make-disk.ts';
import { makePhonyWindows, makeVirtioWin } from '../../guest/windows/phony-windows.ts';
import { testWithOracle } from '../../oracles/oracle.ts';
import { outputOf } from '../../oracles/run-program.ts';
import { ScratchFolder } from '../export/export-run.ts';
import { NO_FIX } from '../fix-guest/no-fix.ts';
import { runConvert } from './convert-run.ts';

const VMX = `.encoding = "UTF-8"
config.version = "8"
displayName = "win"
guestOS = "windows9-64"
firmware = "bios"
memSize = "2048"
scsi0.present = "TRUE"
scsi0.virtualDev = "lsisas1068"
scsi0:0.present = "TRUE"
scsi0:0.fileName = "win's & c.vmdk"
scsi0:1.present = "TRUE"
scsi0:1.fileName = "data.vmdk"
ethernet0.present = "TRUE"
ethernet0.virtualDev = "vmxnet3"
ethernet0.addressType = "static"
ethernet0.address = "00:50:56:00:00:0a"
ethernet1.present = "TRUE"
ethernet1.virtualDev = "vmxnet3"
ethernet1.addressType = "static"
ethernet1.address = "00:50:56:00:00:0b"
`;

const [LAN, DMZ] = ['00:50:56:00:00:0a', '00:50:56:00:00:0b'];
/** The addresses of the guest on VMware. */
const NICS = [
  {
    mac: LAN,
    addresses: [{ address: '192.0.2.10', prefix: 24 }],
    gateways: ['192.0.2.1'],
    dns: ['192.0.2.53', '192.0.2.54'],
  },
  { mac: DMZ, addresses: [{ address: '198.51.100.7', prefix: 25 }] },
];
const MAC_ARGUMENT = `--mac ${LAN}:ip:192.0.2.10,192.0.2.1,24,192.0.2.53,192.0.2.54`;
const NOT_KEPT = `The static address 198.51.100.7 of the NIC ${DMZ} is not kept: virt-v2v sets no address without a gateway.`;

testWithOracle(
  ['virt-v2v-in-place', 'guestfish', 'hivexregedit', 'qemu-img'],
  'Windows gets the drivers of --virtio-win and a domain with virtio; without it neither; a plan and a failure leave nothing',
  async (oracles) => {
    await using scratch = await ScratchFolder.make();
    const made = join(scratch.path, 'made');
    await mkdir(made);
    const windows = await makePhonyWindows(made, oracles.hivexregedit);
    const data = await emptyDisk(made, 'data.raw', 2 ** 20);
    for (const [{ path }, name] of [
      [windows, "win's & c"],
      [data, 'data'],
    ] as const) {
      const args = ['convert', '-f', 'raw', '-O', 'vmdk', '-o', 'subformat=monolithicFlat', path];
      await outputOf(oracles['qemu-img'], [...args, join(scratch.path, `${name}.vmdk`)]);
    }
    const source = join(scratch.path, 'win.vmx');
    await writeFile(source, VMX);
    await writeFile(join(scratch.path, 'win.guest-net.json'), JSON.stringify({ nics: NICS }));
    const flat = join(scratch.path, "win's & c-flat.vmdk");
    const before = await sha256Of(flat);
    await writeFile(join(made, 'rhsrvany.exe'), 'no program');
    const env = { ...process.env, VIRT_TOOLS_DATA_DIR: made };
    const run = (requested: Partial<FixOptions>, output = scratch.output): Promise<ConvertResult> =>
      runConvert({ source, output: `${output}/`, guest: { ...NO_FIX, ...requested }, env });

    const virtioWin = await makeVirtioWin(made, 'w10');
    expect((await run({ fix: 'require', planOnly: true, virtioWin })).guest).toMatchObject({
      outcome: 'planned',
      system: 'Windows 10 Pro',
      root: '/dev/sda1',
      changes: [
        { fix: 'windows-drivers' },
        { fix: 'network', details: [`${MAC_ARGUMENT}: would be set at the first start`] },
      ],
      warnings: [NOT_KEPT],
    });
    const other = await makeVirtioWin(made, 'w7');
    await expect(run({ fix: 'auto', virtioWin: other })).rejects.toMatchObject({
      kind: 'guest',
      message: `virt-v2v-in-place found no driver of virtio disks (viostor) and network adapters (netkvm) for Windows 10 Pro in ${other}.`,
    });
    expect(await scratch.files()).toEqual([]);

    const plain = await run({ fix: 'auto' }, join(scratch.path, 'plain'));
    expect(plain.guest).toMatchObject({
      outcome: 'not-fixed',
      reason: 'Windows 10 Pro on /dev/sda1 does not start on virtio without the drivers of virtio-win.',
      hint: expect.stringContaining('--virtio-win PATH'),
    });
    expect(plain.hardware?.kind).not.toBe('virtio');

    const result = await run({ fix: 'require', virtioWin });
    expect(result.guest).toMatchObject({
      outcome: 'fixed',
      system: 'Windows 10 Pro',
      changes: [
        { path: '/Windows/System32/drivers/viostor.sys' },
        { path: '/Windows/Drivers/VirtIO' },
        { fix: 'network', details: [`${MAC_ARGUMENT}: is set at the first start`] },
      ],
      warnings: expect.arrayContaining([NOT_KEPT]),
    });
    expect(result.hardware?.kind).toBe('virtio');
    expect(await readFile(result.domain ?? '', 'utf8')).toContain('bus="virtio"');
    expect(await sha256Of(flat)).toBe(before);

    // guestfish and hivexregedit read the result, so the check uses none of this program's code for Windows.
    const system = join(made, 'SYSTEM.after');
    await withSession([{ path: result.disks[0]?.path ?? '', format: 'qcow2' }], true, async (session) => {
      await session.call(['mount-ro', '/dev/sda1', '/']);
      await session.call(['download', '/Windows/System32/config/SYSTEM', system]);
      expect(await session.text(['cat', '/Windows/System32/drivers/viostor.sys'])).toBe('viostor sys\n');
      expect(await session.text(['cat', '/Windows/Drivers/VirtIO/netkvm.inf'])).toBe('NetKVM inf\n');
      const script = await session.text(['cat', '/Windows/Temp/v2vnetcf.ps1']);
      expect(script).toContain("-IPAddress '192.0.2.10' -DefaultGateway '192.0.2.1' -PrefixLength 24");
      expect(script).toContain("-ServerAddresses ('192.0.2.53','192.0.2.54')");
    });
    const registry = await outputOf(oracles.hivexregedit, ['--export', system, '\\ControlSet002\\Services\\viostor']);
    expect(registry).toContain('"Start"=dword:00000000');
    const service = await outputOf(oracles.hivexregedit, ['--export', system, '\\ControlSet002\\Services\\firstboot']);
    expect(service).toContain('"Start"=dword:00000002');
    const critical = await outputOf(oracles.hivexregedit, ['--export', system, '\\DriverDatabase\\DeviceIds\\PCI']);
    expect(critical).toContain('VEN_1AF4&DEV_1042');
  },
  APPLIANCE_TEST_MS,
);
