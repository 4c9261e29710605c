import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { openVmx } from '../../../src/ovf/vmx/open-vmx.ts';
import { ScratchFolder } from '../../operations/export/export-run.ts';
import { smallVmx, VMX } from '../vmx-samples.ts';

test('the disks beside it are found, in subfolders too and in the order of the machine', async () => {
  await using scratch = await ScratchFolder.make();
  const names = ['web-01.vmdk', 'web-01_1.vmdk', 'data/web-01_2.vmdk', 'web-01_3.vmdk'];
  await mkdir(join(scratch.path, 'data'));
  for (const name of names) await writeFile(join(scratch.path, name), name);
  await writeFile(join(scratch.path, 'web.vmx'), VMX);
  const { diskPaths } = await openVmx(join(scratch.path, 'web.vmx'));
  expect(diskPaths).toEqual(names.map((name) => join(scratch.path, name)));
});

test.each([
  ['a path of the host', '/vmfs/volumes/datastore1/web/web.vmdk', /which is an absolute path/],
  ['the folder above', '../secret.vmdk', /which points outside the package/],
  ['a link to elsewhere', 'link.vmdk', /is a link that points outside the package/],
  ['a file that is not there', 'gone.vmdk', /does not exist/],
  ['the file of another disk', 'disk.vmdk', /is already used by another of its disks/],
  ['a URL', 'http://example.org/a.vmdk', /which is a URL/],
])('a disk that is %s is refused', async (_what, name, message) => {
  await using scratch = await ScratchFolder.make();
  const folder = join(scratch.path, 'vm');
  await mkdir(folder);
  await writeFile(join(scratch.path, 'secret.vmdk'), 'secret');
  await symlink('../secret.vmdk', join(folder, 'link.vmdk'));
  await writeFile(join(folder, 'disk.vmdk'), 'disk');
  await writeFile(join(folder, 'web.vmx'), smallVmx('ide1:0.present = "TRUE"', `ide1:0.fileName = "${name}"`));
  await expect(openVmx(join(folder, 'web.vmx'))).rejects.toMatchObject({
    kind: 'image',
    message: expect.stringMatching(message),
  });
});
