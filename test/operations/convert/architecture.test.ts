import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { ScratchFolder } from '../export/export-run.ts';
import { item, smallOvf } from '../../ovf/ovf-samples.ts';
import { runConvert } from './convert-run.ts';

const VBOX = 'http://www.virtualbox.org/ovf/machine';
const HARDWARE = item({ InstanceID: 1, ResourceType: 17, HostResource: 'ovf:/disk/d' });
const DISKS = '<Disk ovf:diskId="d" ovf:capacity="1048576"/>';

function ovf(system: string): string {
  return smallOvf({ disks: DISKS, hardware: HARDWARE, system });
}

const os = (attributes: string, content: string) =>
  `<OperatingSystemSection ovf:id="1" ${attributes}><Info/>${content}</OperatingSystemSection>`;

const SOURCES: readonly [string, string][] = [
  ['a.ovf', ovf(os('vmw:osType="armUbuntu64Guest"', ''))],
  ['b.ovf', ovf(os('', `<v:OSType xmlns:v="${VBOX}">Debian12_arm64</v:OSType>`))],
  ['c.ovf', ovf(os('', '<Description>Other Linux (64-bit Arm)</Description>'))],
  ['d.ovf', ovf(`<v:Machine xmlns:v="${VBOX}"><Platform architecture="ARM"/></v:Machine>`)],
  [
    'e.vmx',
    'config.version = "8"\ndisplayName = "small"\nguestOS = "arm-ubuntu-64"\nide0:0.present = "TRUE"\nide0:0.fileName = "d.raw"\n',
  ],
];

describe('a guest for ARM', () => {
  async function makeSource(scratch: ScratchFolder, [name, text]: readonly [string, string]): Promise<string> {
    const source = join(scratch.path, name);
    await writeFile(source, text);
    const disk = Buffer.alloc(1024 * 1024);
    disk.writeUInt16BE(0x55aa, 510);
    await writeFile(join(scratch.path, 'd.raw'), disk);
    return source;
  }

  test.each(SOURCES)('in %s gets a domain for ARM', async (...each) => {
    await using scratch = await ScratchFolder.make();
    const source = await makeSource(scratch, each);
    const { domain, hardware } = await runConvert({ source, output: scratch.output + '/' });
    expect(await readFile(domain ?? '', 'utf8')).toContain('<type arch="aarch64" machine="virt">');
    expect(hardware?.notes[0]).toMatch(/ARM/);
  });

  test('is neither fixed nor booted on x86, and gets no x86 hardware', async () => {
    await using scratch = await ScratchFolder.make();
    const source = await makeSource(scratch, SOURCES[4] ?? ['', '']);
    const run = { source, output: scratch.output + '/' };
    const guest = {
      fix: 'auto',
      keys: [],
      root: undefined,
      removeVmwareTools: false,
      virtioWin: undefined,
      planOnly: false,
    } as const;
    const bootTest = { env: process.env };
    await expect(runConvert({ ...run, bootTest })).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringMatching(/^--boot-test supports x86-64 guests only/),
    });
    await expect(runConvert({ ...run, bootTest, disks: [1] })).rejects.toMatchObject({ kind: 'usage' });
    await expect(runConvert({ ...run, hardware: 'source' })).rejects.toMatchObject({ kind: 'usage' });
    await expect(runConvert({ ...run, guest: { ...guest, fix: 'require' } })).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringMatching(/the guest is for aarch64/),
    });
    const fixed = await runConvert({ ...run, guest });
    expect(fixed.guest).toMatchObject({ outcome: 'not-fixed', reason: expect.stringMatching(/aarch64/) });
  });
});

test('a guest for POWER is refused before any work, but its disks are converted one by one', async () => {
  await using scratch = await ScratchFolder.make();
  const source = join(scratch.path, 'p.ovf');
  await writeFile(source, ovf(os('', '<Description>rhel_8_ppc64le</Description>')));
  await expect(runConvert({ source, output: scratch.output + '/' })).rejects.toMatchObject({
    kind: 'image',
    message: 'small runs on ppc64le, but domains are supported for x86-64 and ARM only.',
  });
  expect(await scratch.files()).toEqual([]);
  const { domain } = await runConvert({ source, output: scratch.output + '/', disks: [1] });
  expect(domain).toBeUndefined();
});
