import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { descriptorText } from '../../image/vmdk/sparse-builder.ts';
import { ScratchFolder } from '../export/export-run.ts';
import { runConvert } from './convert-run.ts';

const DDB_UUID = 'ddb.uuid = "60 00 C2 9a 1b 2c 3d 4e-5f 60 71 82 93 a4 b5 c6"\n';

test('a disk of the domain has the UUID of its VMDK as its serial; one without a UUID has none', async () => {
  await using scratch = await ScratchFolder.make();
  const folder = join(scratch.path, 'vm');
  await mkdir(folder);
  for (const [name, more] of [
    ['with', DDB_UUID],
    ['without', ''],
  ]) {
    const extents = [`RW 2048 FLAT "${name}-flat.vmdk" 0`];
    await writeFile(join(folder, `${name}.vmdk`), descriptorText({ extents }) + more);
    await writeFile(join(folder, `${name}-flat.vmdk`), Buffer.alloc(2 ** 20, name));
  }
  const disks = ['with', 'without'].flatMap((name, unit) => [
    `scsi0:${unit}.present = "TRUE"`,
    `scsi0:${unit}.fileName = "${name}.vmdk"`,
  ]);
  const source = join(folder, 'vm.vmx');
  await writeFile(
    source,
    ['config.version = "8"', 'displayName = "vm"', 'scsi0.present = "TRUE"', ...disks, ''].join('\n'),
  );
  const { domain = '' } = await runConvert({ source, output: `${scratch.output}/` });
  const text = await readFile(domain, 'utf8');
  const serials = [...text.matchAll(/<disk type="file" device="disk">[^]*?<\/disk>/g)].map(
    ([element]) => /<serial>(.*)<\/serial>/.exec(element)?.[1],
  );
  expect(serials).toEqual(['6000c29a1b2c3d4e5f60718293a4b5c6', undefined]);
});
