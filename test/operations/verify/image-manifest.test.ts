import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { verify } from '../../../src/operations/verify/verify.ts';
import { outputOf } from '../../oracles/run-program.ts';
import { emptyContent, mixedContent } from '../../server/content-source.ts';
import { startTestServer } from '../../server/test-server.ts';
import { runConvert } from '../convert/convert-run.ts';
import { runExport, ScratchFolder } from '../export/export-run.ts';

const VM = {
  name: 'web',
  disks: [{ content: mixedContent(4 << 20, 'a') }, { content: emptyContent(1 << 20) }],
  networkAdapters: [{ macAddress: '00:50:56:01:02:03' }],
};

/** The warnings and errors of `hyper2kvm verify`. */
async function problemsIn(path: string, quick = false): Promise<string[]> {
  const { signal } = new AbortController();
  const { items } = await verify({ paths: [path], quick }, { signal, report: () => {} });
  const findings = items.flatMap((item) => item.findings).filter(({ level }) => level !== 'ok');
  return findings.map(({ level, file, detail }) => `${level} ${file}: ${detail}`);
}

async function writeAt(path: string, offset: number, bytes: Uint8Array): Promise<void> {
  await using file = await open(path, 'r+');
  await file.write(bytes, 0, bytes.length, offset);
}

test.each(['qcow2', 'raw'] as const)(
  'an export to %s lists all its files, which sha256sum and verify read; a used image is not damaged',
  async (format) => {
    await using server = await startTestServer({ vms: [VM] });
    await using scratch = await ScratchFolder.make();
    const { result } = await runExport(server, scratch, { format, manifest: true });
    const names = [`web-disk-1.${format}`, `web-disk-2.${format}`, 'web.mf', 'web.xml'];
    expect(await scratch.files()).toEqual(names);
    const files = result?.exported[0]?.files.map(({ path, sha256 }) => [path, sha256?.length]);
    expect(files?.toSorted()).toEqual(names.map((name) => [join(scratch.output, name), 64]));
    const listed = await outputOf('sh', ['-c', 'cd "$0" && sha256sum --check web.mf', scratch.output]);
    expect(listed.match(/: OK$/gm)).toHaveLength(3);
    expect(await problemsIn(scratch.output)).toEqual([]);

    // The guest writes to the data of its disk, and somebody edits the domain.
    const image = join(scratch.output, names[0] ?? '');
    const bytes = await readFile(image);
    const at = bytes.length - bytes.toReversed().findIndex((byte) => byte !== 0) - 1;
    if (format === 'raw') await writeAt(image, at, Buffer.of((bytes[at] ?? 0) ^ 1));
    const domain = join(scratch.output, 'web.xml');
    await writeFile(domain, (await readFile(domain, 'utf8')).replace('<vcpu', '\n<vcpu'));
    const changed = 'it was changed since it was written: its sha256 differs from the manifest';
    const ofImage = `warning ${names[0]}: ${changed}, and its structure is valid`;
    expect(await problemsIn(scratch.output)).toEqual([
      ...(format === 'raw' ? [ofImage] : []),
      `warning web.xml: ${changed}`,
    ]);
    expect(await problemsIn(join(scratch.output, 'web.mf'), true)).toEqual([]);
    if (format === 'raw') return;

    // An L1 entry that points outside the file is damage, whoever wrote it.
    const l1 = Number(bytes.readBigUInt64BE(40));
    await writeAt(image, l1, Buffer.from('80000fffffff0000', 'hex'));
    expect(await problemsIn(join(scratch.output, 'web.mf'))).toContainEqual(
      `error ${names[0]}: its sha256 does not match the manifest either`,
    );
  },
);

test('an export with a manifest is one of other options, and its manifest is never kept for the next run', async () => {
  await using server = await startTestServer({ vms: [VM] });
  await using scratch = await ScratchFolder.make();
  const options = { format: 'qcow2', skipExisting: true } as const;
  await runExport(server, scratch, options);
  expect((await runExport(server, scratch, { ...options, manifest: true })).error).toMatchObject({
    message: expect.stringContaining('--manifest'),
  });
  await runExport(server, scratch, { ...options, manifest: true, force: true });
  const again = await runExport(server, scratch, { ...options, manifest: true });
  expect(again.result?.skipped).toMatchObject([{ reason: 'already-whole' }]);
  // A file in the way is found before any lease.
  await using other = await ScratchFolder.make();
  await writeFile(join(other.path, 'web.mf'), '');
  const taken = await runExport(server, other, { format: 'qcow2', manifest: true, output: other.path });
  expect(taken.error).toMatchObject({ kind: 'local-file', message: expect.stringContaining('web.mf') });
});

test('a conversion has a manifest too, named after the domain or the image', async () => {
  await using server = await startTestServer({ vms: [VM] });
  await using scratch = await ScratchFolder.make();
  await runExport(server, scratch);
  const source = join(scratch.output, 'web.ovf');
  const output = `${scratch.path}/kvm/`;
  const result = await runConvert({ source, output, manifest: true });
  expect(result.manifest).toBe(`${output}web.mf`);
  expect((await outputOf('sh', ['-c', 'cd "$0" && sha256sum --check web.mf', output])).match(/: OK$/gm)).toHaveLength(
    3,
  );
  const second = `${scratch.path}/one/`;
  const one = await runConvert({ source, output: second, manifest: true, disks: [2], format: 'raw' });
  expect(one.manifest).toBe(`${second}web-disk-2.mf`);
  await expect(
    runConvert({ source, output: second, manifest: true, disks: [2], format: 'qcow2' }),
  ).rejects.toMatchObject({ kind: 'local-file', message: expect.stringContaining('web-disk-2.mf') });
  await expect(
    runConvert({ source, output: `${scratch.path}/x.mf`, manifest: true, disks: [2], format: 'raw' }),
  ).rejects.toMatchObject({ kind: 'usage', message: expect.stringContaining('both the image and the manifest') });
});
