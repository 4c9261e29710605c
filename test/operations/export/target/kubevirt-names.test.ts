import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { emptyContent } from '../../../server/content-source.ts';
import { startTestServer } from '../../../server/test-server.ts';
import { runExport, ScratchFolder } from '../export-run.ts';

const NAMES = ['Web_01', 'web-01', 'WEB 01'];

test('VMs whose names become equal in Kubernetes keep apart, by the same names in every run', async () => {
  await using server = await startTestServer({
    vms: NAMES.map((name) => ({ name, disks: [{ content: emptyContent(2 ** 20) }] })),
  });
  const namesOf = async (vms: string[], several: boolean): Promise<string[]> => {
    await using scratch = await ScratchFolder.make();
    const { error } = await runExport(server, scratch, { vms, format: 'qcow2', kubevirt: true });
    expect(error).toBeUndefined();
    const names: string[] = [];
    for (const [index, vm] of vms.entries()) {
      const file = join(several ? join(scratch.output, vm) : scratch.output, `${vm}.yaml`);
      const manifest: { metadata: { name: string } } = parse(await readFile(file, 'utf8'));
      names[index] = manifest.metadata.name;
    }
    return names;
  };
  const together = await namesOf(NAMES, true);
  expect(new Set(together).size).toBe(NAMES.length);
  expect(together[1]).toBe('web-01');
  const exclusive: string[] = [];
  for (const vm of NAMES) exclusive.push(...(await namesOf([vm], false)));
  expect(exclusive).toEqual(together);
});
