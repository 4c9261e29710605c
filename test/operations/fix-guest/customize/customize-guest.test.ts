import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { parseCommands } from '../../../../src/guest/customize/command-file.ts';
import type { Guest } from '../../../../src/guest/guest.ts';
import type { Guestfs } from '../../../../src/guest/guestfs.ts';
import { planCustomization, requireOneSystem } from '../../../../src/operations/fix-guest/customize/customize-guest.ts';
import type { Customization } from '../../../../src/operations/fix-guest/customize/customize-request.ts';
import type { TreeContent } from '../../../guest/contract/tree-of-files.ts';
import { planFiles } from '../../../guest/linux/planned-on.ts';
import { imageFolder } from '../../../guest/make-disk.ts';

const DEB = 'qemu-guest-agent_7.2_amd64.deb';
const AGENT = { '/usr/sbin/qemu-ga': 'a program' };
const RULE = { '/lib/udev/rules.d/60-qemu-guest-agent.rules': 'a rule' };
const DPKG = { '/usr/bin/dpkg': 'a program', '/bin/sh': 'a program' };

let folder: Awaited<ReturnType<typeof imageFolder>>;

beforeEach(async () => {
  folder = await imageFolder();
});

afterEach(async () => {
  await folder[Symbol.asyncDispose]();
});

/** A guest with these files. guestfish's answers are made up. */
function guestOf(content: TreeContent, roots: readonly string[] = ['/dev/sda1']): Guest {
  const paths = Object.keys(content);
  const matches = (pattern: string): string[] => {
    const expression = new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '[^/]*')}$`);
    return paths.filter((path) => expression.test(path));
  };
  const session: Pick<Guestfs, 'call' | 'lines' | 'text'> = {
    call: () => Promise.resolve(Buffer.alloc(0)),
    text: () => Promise.resolve('x86_64'),
    lines: ([command, pattern = '']) => Promise.resolve(command === 'inspect-os' ? [...roots] : matches(pattern)),
  };
  return {
    // oxlint-disable-next-line no-unsafe-type-assertion -- a plan calls these only
    session: session as Guestfs,
    files: planFiles(content),
    disks: [],
    nics: [],
    devices: [],
    opened: [],
    diskOrder: [],
    system: { id: 'debian', idLike: [], version: '12', prettyName: 'Debian 12' },
    mounts: [],
    kernels: [],
  };
}

function customization(changes: Partial<Customization> = {}): Customization {
  return {
    program: { path: '/usr/bin/virt-customize', options: new Set() },
    file: undefined,
    firstboot: [],
    network: false,
    guestAgent: { packages: folder.path },
    secrets: [],
    digests: { customize: '', firstboot: '', 'guest-agent': '' },
    ...changes,
  };
}

test('a plan lists commands and scripts, without secrets', async () => {
  const text = 'root-password password:geheim\nhostname web\n';
  const file = { path: '/srv/web.txt', text, commands: parseCommands(text) };
  const wanted = customization({ file, firstboot: ['/srv/first.sh'], guestAgent: undefined });
  const plan = await planCustomization(guestOf({ '/etc/selinux/config': 'SELINUX=enforcing\n' }), wanted);
  expect(plan?.changes).toEqual([
    { fix: 'customize', action: 'run', path: '/srv/web.txt', details: ['root-password ***', 'hostname web'] },
    { fix: 'customize', action: 'run', path: '/srv/first.sh', details: ['runs at the first boot'] },
  ]);
  expect(plan?.relabel).toBe(true);
  expect(await planCustomization(guestOf({}), customization({ guestAgent: undefined }))).toBeUndefined();
});

test('the agent is installed where it is missing, enabled where it does not start, and left alone otherwise', async () => {
  await writeFile(join(folder.path, DEB), '');
  const details = async (content: TreeContent, packages: string | undefined) => {
    const plan = await planCustomization(guestOf(content), customization({ guestAgent: { packages } }));
    return plan?.changes.flatMap((change) => change.details);
  };
  expect(await details(DPKG, folder.path)).toEqual([`${DEB} of ${folder.path} is installed`]);
  expect(await details(DPKG, undefined)).toEqual([expect.stringMatching(/at the first boot/)]);
  expect(await details(AGENT, folder.path)).toEqual(['qemu-guest-agent.service is enabled']);
  expect(await details({ ...AGENT, ...RULE }, folder.path)).toBeUndefined();
  await mkdir(join(folder.path, 'debian-12'));
  await expect(details(DPKG, folder.path)).rejects.toThrow(
    `There is no deb package of qemu-guest-agent for Debian 12 (amd64) in ${join(folder.path, 'debian-12')}.`,
  );
  await expect(details({ '/bin/sh': '' }, folder.path)).rejects.toThrow('Debian 12 uses neither dpkg nor rpm.');
});

test('disks with several systems, or with none that libguestfs finds, are refused', async () => {
  await requireOneSystem(guestOf({}));
  await expect(requireOneSystem(guestOf({}, ['/dev/sda1', '/dev/sdb1']))).rejects.toThrow(/several systems/);
  await expect(requireOneSystem(guestOf({}, []))).rejects.toMatchObject({ kind: 'guest' });
});
