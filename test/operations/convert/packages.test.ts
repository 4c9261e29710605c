import { describe, expect, test } from '@jest/globals';
import { copyFile, readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { InterruptedError } from '../../../src/base/errors.ts';
import { planConversion } from '../../../src/operations/convert/convert.ts';
import { testWithOracle } from '../../oracles/oracle.ts';
import { outputOf, runProgram } from '../../oracles/run-program.ts';
import { writeRawFile } from '../../server/content-source.ts';
import { startTestServer } from '../../server/test-server.ts';
import { runExport, ScratchFolder } from '../export/export-run.ts';
import { CONTENTS, THREE_DISKS } from '../export/package-checks.ts';
import { allOptions, qemu, runConvert } from './convert-run.ts';

/** Exports a VM with three disks as a package. The results go to a folder next to it. */
async function makePackage(scratch: ScratchFolder, format: 'ovf' | 'ova'): Promise<{ source: string; output: string }> {
  await using server = await startTestServer({ vms: [THREE_DISKS] });
  const { error } = await runExport(server, scratch, { format });
  expect(error).toBeUndefined();
  return { source: join(scratch.output, `web.${format}`), output: join(scratch.path, 'kvm/') };
}

const list = (folder: string): Promise<string[]> =>
  readdir(folder).then(
    (names) => names.toSorted(),
    () => [],
  );

async function expectSameDisks(qemuImg: string, folder: string): Promise<void> {
  for (const [index, content] of CONTENTS.entries()) {
    const image = join(folder, `web-disk-${index + 1}.qcow2`);
    await writeRawFile(content, `${image}.expected`);
    expect(await qemu(qemuImg, 'check', image)).toMatch(/^No errors were found/);
    expect(await qemu(qemuImg, 'compare', '-F', 'raw', image, `${image}.expected`)).toBe('Images are identical.\n');
  }
}

describe('a package becomes images and a domain', () => {
  for (const format of ['ovf', 'ova'] as const) {
    testWithOracle('qemu-img', format, async (oracles) => {
      await using scratch = await ScratchFolder.make();
      const { source, output } = await makePackage(scratch, format);
      const { disks, domain } = await runConvert({ source, output, compression: 'fast' });
      expect(await list(output)).toEqual(['web-disk-1.qcow2', 'web-disk-2.qcow2', 'web-disk-3.qcow2', 'web.xml']);
      expect(domain).toBe(join(output, 'web.xml'));
      expect(new Set(disks.map(({ verified }) => verified))).toEqual(new Set(['manifest']));
      await expectSameDisks(oracles['qemu-img'], output);
      const xml = await readFile(join(output, 'web.xml'), 'utf8');
      expect(xml).toContain('00:50:56:01:02:03');
      expect(xml).toContain(join(output, 'web-disk-2.qcow2'));
    });
  }

  testWithOracle('qemu-img', 'an OVA that is compressed as a whole', async (oracles) => {
    await using scratch = await ScratchFolder.make();
    const { source, output } = await makePackage(scratch, 'ova');
    await runProgram('gzip', [source]);
    await runConvert({ source: `${source}.gz`, output });
    await expectSameDisks(oracles['qemu-img'], output);
  });

  testWithOracle('virt-xml-validate', 'with a domain that virt-xml-validate accepts', async (oracles) => {
    await using scratch = await ScratchFolder.make();
    const { source, output } = await makePackage(scratch, 'ova');
    const { domain } = await runConvert({ source, output });
    const { stdout, stderr } = await runProgram(oracles['virt-xml-validate'], [domain ?? '', 'domain']);
    expect(stdout + stderr).toMatch(/validates$/m);
  });
});

test.each([
  [undefined, '600'],
  [0o640, '640'],
])('images and domain have the mode that was asked for, and else are closed to others: %s', async (mode, octal) => {
  await using scratch = await ScratchFolder.make();
  const { source, output } = await makePackage(scratch, 'ovf');
  await runConvert({ source, output, mode });
  for (const name of ['web-disk-1.qcow2', 'web.xml'])
    expect(((await stat(join(output, name))).mode & 0o777).toString(8)).toBe(octal);
});

test('one disk is converted alone, without a domain', async () => {
  await using scratch = await ScratchFolder.make();
  const { source, output } = await makePackage(scratch, 'ova');
  const { disks, domain } = await runConvert({ source, output, disks: [2], format: 'raw' });
  expect(domain).toBeUndefined();
  expect(disks.map(({ path }) => path)).toEqual([join(output, 'web-disk-2.raw')]);
  await expect(runConvert({ source, output, disks: [4] })).rejects.toMatchObject({
    kind: 'usage',
    message: expect.stringMatching(/--disk 4 does not exist/),
  });
});

test('several disks are converted, and the others are named in the result and the plan', async () => {
  await using scratch = await ScratchFolder.make();
  const { source, output } = await makePackage(scratch, 'ovf');
  const all = await runConvert({ source, output: join(output, 'all/') });
  expect(all).not.toHaveProperty('leftOut');
  const rest = all.disks.map((disk) => disk.source).filter((_, index) => index !== 1);
  const one = await runConvert({ source, output, disks: [2] });
  expect(one.leftOut).toEqual(rest);
  const numbers = all.disks.map((_, index) => index + 1).filter((number) => number !== 2);
  const others = await runConvert({ source, output, disks: numbers });
  expect(others.disks.map((disk) => disk.source)).toEqual(rest);
  expect(others.leftOut).toEqual([all.disks[1]?.source]);
  expect(others.domain).toBeUndefined();
});

test('a dry run tells what would be written, and writes nothing', async () => {
  await using scratch = await ScratchFolder.make();
  const { source, output } = await makePackage(scratch, 'ovf');
  const options = allOptions({ source, output });
  const plan = await planConversion(options, new AbortController().signal);
  expect(plan.disks.map(({ virtualSizeBytes }) => virtualSizeBytes)).toEqual(
    CONTENTS.map(({ capacityBytes }) => capacityBytes),
  );
  expect(plan).toMatchObject({ container: 'folder', domain: join(output, 'web.xml'), taken: [] });
  expect(await list(output)).toEqual([]);
});

describe('nothing stands under a final name when', () => {
  async function expectRefused(
    options: Parameters<typeof runConvert>[0],
    kind: string,
    message: RegExp,
  ): Promise<void> {
    await expect(runConvert(options)).rejects.toMatchObject({ kind, message: expect.stringMatching(message) });
    expect(await list(options.output ?? '.')).toEqual([]);
  }

  test('a hash of the manifest is wrong', async () => {
    await using scratch = await ScratchFolder.make();
    const { source, output } = await makePackage(scratch, 'ovf');
    const manifest = join(dirname(source), 'web.mf');
    const text = await readFile(manifest, 'utf8');
    await writeFile(manifest, text.replace(/(disk-2\.vmdk\)= )../, '$100'));
    await expectRefused({ source, output }, 'image', /web-disk-2\.vmdk/);
  });

  test('a byte of a disk in an OVA has changed', async () => {
    await using scratch = await ScratchFolder.make();
    const { source, output } = await makePackage(scratch, 'ova');
    const bytes = await readFile(source);
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 2 ** 20) ^ 1, bytes.length - 2 ** 20);
    await writeFile(source, bytes);
    await expectRefused({ source, output }, 'image', /web-disk-\d\.vmdk/);
  });

  test('the stream was cut', async () => {
    await using scratch = await ScratchFolder.make();
    const { source, output } = await makePackage(scratch, 'ovf');
    const disk = join(dirname(source), 'web-disk-2.vmdk');
    const copy = join(scratch.path, 'cut.vmdk');
    await copyFile(disk, copy);
    await truncate(copy, 1_000_000);
    await expectRefused({ source: copy, output }, 'image', /cut\.vmdk/);
  });

  testWithOracle('tar', 'a disk in an archive without a manifest was cut', async ({ tar }) => {
    await using scratch = await ScratchFolder.make();
    const { source, output } = await makePackage(scratch, 'ovf');
    await truncate(join(dirname(source), 'web-disk-2.vmdk'), 1_000_000);
    const text = await readFile(source, 'utf8');
    await writeFile(source, text.replace(/(href="web-disk-2\.vmdk"[^>]* ovf:size=")\d+/, '$11000000'));
    const archive = join(scratch.path, 'cut.ova');
    const disks = [1, 2, 3].map((number) => `web-disk-${number}.vmdk`);
    await outputOf(tar, ['-C', dirname(source), '--format=ustar', '-cf', archive, 'web.ovf', ...disks, 'web.nvram']);
    await expectRefused({ source: archive, output }, 'image', /web-disk-2\.vmdk in .* is truncated: it ends at byte/);
  });

  test.each(['qcow2', 'vhdx', 'raw'])('a disk in an archive is a %s, which the error says', async (format) => {
    await using scratch = await ScratchFolder.make();
    const { source, output } = await makePackage(scratch, 'ovf');
    const signature = format === 'qcow2' ? 'QFI\u00fb' : format === 'vhdx' ? 'vhdxfile' : 'bytes';
    await writeFile(
      join(dirname(source), 'web-disk-1.vmdk'),
      Buffer.concat([Buffer.from(signature, 'latin1'), Buffer.alloc(4096)]),
    );
    await writeFile(source, (await readFile(source, 'utf8')).replaceAll(/ ovf:size="\d+"/g, ''));
    const archive = join(scratch.path, 'web.ova');
    const files = (await list(dirname(source))).filter((name) => !name.endsWith('.mf'));
    await outputOf('tar', ['-cf', archive, '-C', dirname(source), '--format=ustar', ...files]);
    const what = { qcow2: 'is a qcow2 image', vhdx: 'is a VHDX', raw: 'is not a VMDK' }[format] ?? '';
    await expect(runConvert({ source: archive, output })).rejects.toMatchObject({
      kind: 'image',
      message: `web-disk-1.vmdk in ${archive} ${what}: in an archive or in chunks, only streamOptimized VMDKs can be read.`,
      hint: expect.stringContaining(`tar -xf ${archive}`),
    });
    expect(await list(output)).toEqual([]);
  });

  testWithOracle(
    ['tar', 'qemu-img'],
    'a disk in an archive is no streamOptimized VMDK; unpacked, it is converted',
    async (oracles) => {
      await using scratch = await ScratchFolder.make();
      const { source, output } = await makePackage(scratch, 'ovf');
      const disk = join(dirname(source), 'web-disk-1.vmdk');
      await qemu(oracles['qemu-img'], 'convert', '-O', 'vmdk', disk, `${disk}.sparse`);
      await rename(`${disk}.sparse`, disk);
      await rm(join(dirname(source), 'web.mf'));
      // The descriptor has the size of the previous file.
      await writeFile(source, (await readFile(source, 'utf8')).replaceAll(/ ovf:size="\d+"/g, ''));
      const archive = join(scratch.path, 'web.ova');
      await runProgram(oracles.tar, [
        '-cf',
        archive,
        '-C',
        dirname(source),
        ...(await list(dirname(source))).toReversed(),
      ]);
      await expect(runConvert({ source: archive, output })).rejects.toMatchObject({
        kind: 'image',
        message: expect.stringMatching(/web-disk-1\.vmdk in .* is not a valid streamOptimized VMDK/),
        hint: expect.stringMatching(/unpack it \(tar -xf\) and convert its \.ovf file/),
      });
      expect(await list(output)).toEqual([]);
      await runConvert({ source, output });
      await expectSameDisks(oracles['qemu-img'], output);
    },
  );

  test('the program is interrupted', async () => {
    await using scratch = await ScratchFolder.make();
    const { source, output } = await makePackage(scratch, 'ova');
    const ending = new AbortController();
    const report = () => ending.abort(new InterruptedError('SIGINT'));
    await expect(runConvert({ source, output }, ending.signal, report)).rejects.toEqual(new InterruptedError('SIGINT'));
    expect(await list(output)).toEqual([]);
  });

  test('a file of that name is there, unless it may be replaced', async () => {
    await using scratch = await ScratchFolder.make();
    const { source, output } = await makePackage(scratch, 'ovf');
    await runConvert({ source, output });
    const before = await readFile(join(output, 'web-disk-1.qcow2'));
    await expect(runConvert({ source, output })).rejects.toMatchObject({ kind: 'local-file' });
    await runConvert({ source, output, force: true });
    // The order of clusters does not depend on the speed of the threads.
    expect((await readFile(join(output, 'web-disk-1.qcow2'))).equals(before)).toBe(true);
  });
});

testWithOracle(
  ['qemu-img', 'tar'],
  'a descriptor with another capacity than the disk has is a warning, in a folder, an OVA and a compressed one',
  async (oracles) => {
    await using scratch = await ScratchFolder.make();
    const { source, output } = await makePackage(scratch, 'ovf');
    const folder = dirname(source);
    const text = await readFile(source, 'utf8');
    await writeFile(source, text.replace(/ovf:capacity="\d+"/, 'ovf:capacity="4194304"'));
    await rm(join(folder, 'web.mf'));
    const archive = join(scratch.path, 'web.ova');
    await outputOf(oracles.tar, ['-C', folder, '-cf', archive, ...(await list(folder))]);
    await copyFile(archive, `${archive}.copy`);
    await runProgram('gzip', [`${archive}.copy`]);
    for (const path of [source, archive, `${archive}.copy.gz`]) {
      const { warnings } = await runConvert({ source: path, output, force: true });
      expect(warnings).toContainEqual(
        expect.stringMatching(/, but the descriptor gives 4194304\. The size of the file is used\.$/),
      );
      await expectSameDisks(oracles['qemu-img'], output);
    }
  },
);

testWithOracle('qemu-img', 'disks without a file become empty images, beside those that have one', async (oracles) => {
  await using scratch = await ScratchFolder.make();
  const { source, output } = await makePackage(scratch, 'ovf');
  const text = await readFile(source, 'utf8');
  const drive = (id: number) =>
    `<Item><rasd:AddressOnParent>${id}</rasd:AddressOnParent><rasd:ElementName>Blank ${id}</rasd:ElementName><rasd:HostResource>ovf:/disk/blank</rasd:HostResource><rasd:InstanceID>9${id}</rasd:InstanceID><rasd:ResourceType>17</rasd:ResourceType></Item>`;
  const changed = text
    .replace(
      '</DiskSection>',
      '<Disk ovf:diskId="blank" ovf:capacity="3" ovf:capacityAllocationUnits="byte * 2^20"/></DiskSection>',
    )
    .replace('</VirtualHardwareSection>', `${drive(1)}${drive(2)}</VirtualHardwareSection>`);
  await writeFile(source, changed);
  await rm(join(dirname(source), 'web.mf'));
  for (const format of ['qcow2', 'raw', 'vmdk'] as const) {
    const result = await runConvert({ source, output, format, force: true });
    expect(result.disks.map(({ source: { label, file } }) => [label, file]).slice(2)).toEqual([
      [expect.any(String), expect.stringMatching(/\.vmdk$/)],
      ['Blank 1', null],
      ['Blank 2', null],
    ]);
    for (const { path, sourceVariant } of result.disks.slice(3)) {
      expect(sourceVariant).toBe('empty');
      const info: unknown = JSON.parse(await qemu(oracles['qemu-img'], 'info', '--output=json', path));
      expect(info).toMatchObject({ format, 'virtual-size': 3 * 2 ** 20 });
    }
  }
});

test('a package without disks is refused with that sentence', async () => {
  await using scratch = await ScratchFolder.make();
  const { source, output } = await makePackage(scratch, 'ovf');
  const text = await readFile(source, 'utf8');
  await writeFile(
    source,
    text.replaceAll(/<Disk [^>]*>|<Item>(?:(?!<\/Item>).)*HostResource>ovf:\/disk.*?<\/Item>/gs, ''),
  );
  await rm(join(dirname(source), 'web.mf'));
  await expect(runConvert({ source, output })).rejects.toMatchObject({
    kind: 'image',
    message: `${source} does not describe any disk of the VM.`,
  });
});

test('--vm and --configuration are for packages only', async () => {
  await using scratch = await ScratchFolder.make();
  const source = join(scratch.path, 'disk.raw');
  await writeFile(source, Buffer.alloc(1024));
  await expect(runConvert({ source, output: scratch.output, vm: 'web' })).rejects.toMatchObject({
    kind: 'usage',
    message: expect.stringMatching(/^--vm applies only to an OVF package/),
  });
});
