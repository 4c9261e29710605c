import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import {
  choosePackages,
  installScript,
  releaseFolders,
  type PackageTarget,
} from '../../../src/guest/customize/agent-packages.ts';
import { imageFolder } from '../make-disk.ts';
import { testWithOracle } from '../../oracles/oracle.ts';
import { runProgram } from '../../oracles/run-program.ts';

const DEBIAN: PackageTarget = {
  system: { id: 'debian', idLike: [], version: '12', prettyName: 'Debian 12' },
  kind: 'deb',
  architecture: 'x86_64',
};
const ROCKY: PackageTarget = {
  system: { id: 'rocky', idLike: ['rhel', 'centos', 'fedora'], version: '9.4', prettyName: 'Rocky Linux 9.4' },
  kind: 'rpm',
  architecture: 'aarch64',
};
const NAMES = [
  'qemu-guest-agent_1%3a7.2+dfsg-7+deb12u18_amd64.deb',
  'qemu-guest-agent_1%3a7.2+dfsg-7+deb12u18_arm64.deb',
  'qemu-guest-agent_1%3a5.2+dfsg-11+deb11u3_amd64.deb',
  'qemu-guest-agent_1%3a6.2+dfsg-2ubuntu6_amd64.deb',
  'liburing2_2.3-3_amd64.deb',
  'adduser_3.134_all.deb',
  'qemu-guest-agent-8.2.0-11.el9_4.aarch64.rpm',
  'qemu-guest-agent-6.2.0-40.el8.aarch64.rpm',
  'qemu-guest-agent-8.2.0-11.el9_4.x86_64.rpm',
  'qemu-guest-agent-9.0.0-1.fc41.aarch64.rpm',
  'README.txt',
];

test('the package is the one for distribution, release and architecture', () => {
  expect(choosePackages(NAMES, '/p', DEBIAN)).toEqual({
    agent: NAMES[0],
    others: ['adduser_3.134_all.deb', 'liburing2_2.3-3_amd64.deb'],
  });
  expect(choosePackages(NAMES, '/p', ROCKY)).toEqual({ agent: NAMES[6], others: [] });
});

test('without a package for the guest, and with two, nothing is chosen', () => {
  const other = { ...DEBIAN, system: { ...DEBIAN.system, version: '13', prettyName: 'Debian 13' } };
  const trixie = NAMES.filter((name) => !name.includes('ubuntu'));
  expect(() => choosePackages(trixie, '/p', other)).toThrow(
    expect.objectContaining({
      kind: 'guest',
      message: expect.stringMatching(
        /^There is no deb package of qemu-guest-agent for Debian 13 \(amd64\) in \/p\. It has /,
      ),
      hint: expect.stringContaining('a subfolder debian-13'),
    }),
  );
  expect(() => choosePackages([...NAMES, 'qemu-guest-agent_8.0_amd64.deb'], '/p', DEBIAN)).toThrow(
    /several packages of qemu-guest-agent for Debian 12 \(amd64\)/,
  );
});

test('folders by release are looked for from the exact release to those of its relatives', () => {
  expect(releaseFolders(ROCKY.system).slice(0, 4)).toEqual(['rocky-9.4', 'rocky-9', 'rhel-9.4', 'rhel-9']);
  expect(releaseFolders(DEBIAN.system)).toEqual(['debian-12']);
});

testWithOracle('shellcheck', 'the scripts for the guest are sound', async ({ shellcheck }) => {
  await using folder = await imageFolder();
  for (const kind of ['deb', 'rpm'] as const) {
    const script = installScript(kind, { agent: "it's.deb", others: [] });
    const path = join(folder.path, kind);
    await writeFile(path, script);
    const { exitCode, stdout } = await runProgram(shellcheck, [path]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: '' });
  }
});
