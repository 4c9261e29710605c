import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { testWithOracle } from '../../oracles/oracle.ts';
import { outputOf } from '../../oracles/run-program.ts';
import { VMX } from '../../ovf/vmx-samples.ts';
import { ScratchFolder } from '../export/export-run.ts';
import { qemu, runConvert } from './convert-run.ts';

const MIB = 2 ** 20;
const NAMES = ['web-01', 'web-01_1', 'data/web-01_2', 'web-01_3'];

testWithOracle(
  ['qemu-img', 'virt-xml-validate'],
  'a .vmx gives the images of its disks in their order, and the domain of its machine',
  async (oracles) => {
    await using scratch = await ScratchFolder.make();
    const folder = join(scratch.path, 'web');
    await mkdir(join(folder, 'data'), { recursive: true });
    const raws: string[] = [];
    for (const [at, name] of NAMES.entries()) {
      const raw = join(scratch.path, `${at}.raw`);
      await writeFile(raw, Buffer.alloc((at + 1) * MIB, `disk ${at} `));
      const args = ['convert', '-f', 'raw', '-O', 'vmdk', '-o', 'subformat=monolithicFlat', raw];
      await outputOf(oracles['qemu-img'], [...args, join(folder, `${name}.vmdk`)]);
      raws.push(raw);
    }
    await writeFile(join(folder, 'web-01.vmx'), VMX);
    const source = join(folder, 'web-01.vmx');
    const result = await runConvert({ source, output: `${scratch.output}/`, hardware: 'source' });
    const stem = 'web-01 "Büro"';
    expect(await scratch.files()).toEqual([...raws.map((_, at) => `${stem}-disk-${at + 1}.qcow2`), `${stem}.xml`]);
    for (const [at, { path }] of result.disks.entries()) {
      const compared = await qemu(oracles['qemu-img'], 'compare', '-F', 'raw', path, raws[at] ?? '');
      expect(compared).toBe('Images are identical.\n');
    }
    const domain = await readFile(result.domain ?? '', 'utf8');
    await outputOf(oracles['virt-xml-validate'], [result.domain ?? '', 'domain']);
    const found = (pattern: RegExp): string[] => Array.from(domain.matchAll(pattern), ([, value = '']) => value);
    expect(found(/<mac address="([^"]+)"/g)).toEqual(['00:0c:29:1f:5a:0c', '00:50:56:00:00:02']);
    expect(found(/<uuid>([^<]+)</g)).toEqual(['564d3c5a-0b9b-d0d5-4b0e-648b4b1f5a0c']);
    expect(found(/<boot order="(\d)"/g)).toEqual(['2', '3', '1', '4']);
    expect(found(/type="scsi" index="\d" model="(\w+)"/g)).toEqual(['vmpvscsi', 'lsisas1068']);
    expect(domain).toContain('<feature enabled="yes" name="secure-boot"/>');
    expect(result.hardware?.notes).toContainEqual(
      expect.stringMatching(/^The UEFI firmware of many hosts has no driver/),
    );
  },
  300_000,
);
