import { expect } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { environmentOf, runProgram } from '../cli-process/program.ts';
import { leftOnServer, NOTHING_LEFT, ScratchFolder } from '../operations/export/export-run.ts';
import { outputOf } from '../oracles/run-program.ts';
import { startTestServer } from '../server/test-server.ts';
import { testWithGuest } from './test-with-guest.ts';

// Enough for a download, a fix and a boot, emulated on a busy host.
const TIME_LIMIT_MS = 45 * 60_000;
const GUEST = 'bios-bypath';

/** Returns the width and height of a PNG in pixels. */
function pngSize(bytes: Buffer): { width: number; height: number } {
  if (!bytes.subarray(0, 8).equals(Buffer.from('89504e470d0a1a0a', 'hex'))) throw new Error('this is no PNG');
  return { width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) };
}

testWithGuest(
  GUEST,
  'one command takes a running guest out of VMware, makes it fit, and proves by a picture that it comes up on KVM',
  async ({ recipe, disks: [image = ''] }) => {
    await using scratch = await ScratchFolder.make();
    const file = join(scratch.path, 'guest.vmdk');
    await outputOf('qemu-img', ['convert', '-O', 'vmdk', '-o', 'subformat=streamOptimized', image, file]);
    const content = { file, capacityBytes: (recipe.disks[0]?.sizeMiB ?? 0) * 2 ** 20 };
    const vm = {
      name: GUEST,
      powerState: 'poweredOn',
      firmware: 'bios',
      guestId: 'debian12_64Guest',
      memoryMb: 1024,
      disks: [{ content, controller: 'pvscsi' }],
      networkAdapters: recipe.networkAdapters.map(({ macAddress, pciSlotNumber }) => ({ macAddress, pciSlotNumber })),
    } as const;
    await using server = await startTestServer({ vms: [vm] });
    const state = join(scratch.path, 'state');
    const requested = ['--format', 'qcow2', '--snapshot', '--fix', 'require', '--boot-test'];
    const { exitCode, stdout, stderr } = await runProgram(
      ['export', GUEST, ...requested, '--output', scratch.output, '--json'],
      { env: environmentOf(server, state), cwd: scratch.path },
    );
    if (exitCode !== 0) throw new Error(`It ended with ${exitCode}: ${stdout}\n${stderr}`);
    const { result } = JSON.parse(stdout) as { result: { exported: { bootTest: { picture: string; job: string } }[] } };
    const [exported] = result.exported;
    expect(exported).toMatchObject({
      guest: { outcome: 'fixed', root: '/dev/sda1', boot: { verdict: 'ready' } },
      hardware: { kind: 'virtio' },
      bootTest: { verdict: 'booted', networkUp: true },
    });
    const { picture = '', job = '' } = exported?.bootTest ?? {};
    expect(dirname(picture)).toMatch(new RegExp(`^${state}/.*/${job}$`));
    const { width, height } = pngSize(await readFile(picture));
    expect(Math.min(width, height)).toBeGreaterThanOrEqual(400);
    expect(await scratch.files()).toEqual([`${GUEST}-disk-1.qcow2`, `${GUEST}.xml`]);
    expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
  },
  TIME_LIMIT_MS,
);
