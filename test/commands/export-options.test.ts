import { Parser } from '@oclif/core';
import { expect, test } from '@jest/globals';
import { ExportCommand } from '../../src/commands/export.ts';
import { readExportOptions } from '../../src/commands/export-options.ts';
import { ExportRecipe } from '../../src/operations/export/target/export-recipe.ts';
import { CONNECTION } from './run-command.ts';

const FLAGS = { ...ExportCommand.baseFlags, ...ExportCommand.flags };

/** Flags of `export` that change the bytes of a result. Each has two different values. `ExportRecipe` must contain all of them. */
const CHANGES_BYTES: Record<string, [string[], string[]]> = {
  format: [['--format=qcow2'], ['--format=raw']],
  compress: [['--format=qcow2'], ['--format=qcow2', '--compress=zstd']],
  name: [['--format=raw'], ['--format=raw', '--name=web-01']],
  disk: [['--disk=1'], ['--disk=2']],
  'exclude-disk': [['--exclude-disk=1'], ['--exclude-disk=Hard disk 2']],
  hardware: [['--format=raw'], ['--format=raw', '--hardware=sata']],
  network: [
    ['--format=raw', '--network=a'],
    ['--format=raw', '--network=b'],
  ],
  bridge: [
    ['--format=raw', '--bridge=br0'],
    ['--format=raw', '--bridge=br1'],
  ],
  mac: [
    ['--format=raw', '--mac=00:50:56:01:02:03:network:a'],
    ['--format=raw', '--mac=00:50:56:01:02:03:bridge:a'],
  ],
  kubevirt: [['--format=raw'], ['--format=raw', '--kubevirt']],
  manifest: [['--format=raw'], ['--format=raw', '--manifest']],
  fix: [
    ['--format=raw', '--fix=off'],
    ['--format=raw', '--fix=require'],
  ],
  key: [['--format=raw'], ['--format=raw', '--key=all:file:/root/key']],
  root: [['--format=raw'], ['--format=raw', '--root=/dev/sda2']],
  'remove-vmware-tools': [['--format=raw'], ['--format=raw', '--remove-vmware-tools']],
  'serial-console': [['--format=raw'], ['--format=raw', '--serial-console']],
  'virtio-win': [['--format=raw'], ['--format=raw', '--virtio-win=/srv/w.iso']],
  customize: [['--format=raw'], ['--format=raw', '--customize=/srv/web.txt']],
  firstboot: [['--format=raw'], ['--format=raw', '--firstboot=/srv/first.sh']],
  'customize-network': [
    ['--format=raw', '--firstboot=/srv/first.sh'],
    ['--format=raw', '--firstboot=/srv/first.sh', '--customize-network'],
  ],
  'guest-agent': [
    ['--format=raw', '--guest-agent=first-boot'],
    ['--format=raw', '--guest-agent=/srv/packages'],
  ],
  'from-snapshot': [['--from-snapshot=a'], ['--from-snapshot=b']],
};

/** All other flags. With or without them, the same VM content gives the same files. */
const SAME_BYTES: Record<string, string[]> = {
  // Which VMs, from which server, and where to write them.
  'from-file': ['--from-file=vms.txt'],
  shard: ['--shard=0/2'],
  output: ['--output=out'],
  keep: ['--keep=2'],
  url: ['--url=vc.example.com'],
  username: ['--username=root'],
  'password-file': ['--password-file=pass'],
  insecure: ['--insecure'],
  thumbprint: ['--thumbprint=00'],
  'ca-file': ['--ca-file=ca.pem'],
  timeout: ['--timeout=5s'],
  color: ['--color=never'],
  progress: ['--progress=json'],
  'progress-fd': ['--progress-fd=3'],
  'no-progress': ['--no-progress'],
  debug: ['--debug'],
  // How the disks are made consistent. This can change only the VM content.
  snapshot: ['--snapshot'],
  quiesce: ['--snapshot', '--quiesce'],
  shutdown: ['--shutdown=5'],
  'force-power-off': ['--shutdown=5', '--force-power-off'],
  restart: ['--shutdown=5', '--restart'],
  // How the data is downloaded.
  'parallel-vms': ['--parallel-vms=2'],
  'parallel-disks': ['--parallel-disks=1'],
  // For packages, another encoder makes the VMDK, as another release of ESXi does; the content is the same.
  transport: ['--transport=nfc'],
  'nfc-depth': ['--nfc-depth=4'],
  audit: ['--transport=nfc', '--audit=lease'],
  'limit-rate': ['--limit-rate=1M'],
  'first-byte-timeout': ['--first-byte-timeout=9s'],
  'stall-timeout': ['--stall-timeout=9s'],
  retries: ['--retries=0'],
  // Whether to export at all, and what happens to the files.
  force: ['--force'],
  mode: ['--mode=0640'],
  'skip-existing': ['--skip-existing'],
  'if-changed': ['--if-changed'],
  'dry-run': ['--dry-run'],
  define: ['--define=qemu:///session'],
  'no-system': ['--no-system'],
  'boot-test': ['--boot-test'],
  'boot-test-addresses': ['--boot-test', '--boot-test-addresses'],
  // Always rejected.
  'fix-plan': [],
  // What the user sees of it.
  detach: ['--detach'],
  'log-file': ['--log-file=log'],
  'log-format': ['--log-format=json'],
  report: ['--report=report.html'],
  'notify-command': ['--notify-command=true'],
  'notify-timeout': ['--notify-command=true', '--notify-timeout=5s'],
  json: ['--json'],
  quiet: ['--quiet'],
  config: ['--config=c.yaml'],
  profile: ['--profile=p'],
};

async function encodingOf(argv: string[]): Promise<ExportRecipe> {
  const { flags } = await Parser.parse(argv, { flags: FLAGS });
  const options = readExportOptions(flags as Parameters<typeof readExportOptions>[0], {});
  return ExportRecipe.of({ ...options, vms: ['web'], connection: CONNECTION, env: {} });
}

test('each flag either changes the bytes of a result or does not: a new flag belongs in ExportRecipe and CHANGES_BYTES, or in SAME_BYTES', () => {
  expect([...Object.keys(CHANGES_BYTES), ...Object.keys(SAME_BYTES)].toSorted()).toEqual(Object.keys(FLAGS).toSorted());
});

test.each(Object.entries(CHANGES_BYTES))('--%s is part of the fingerprint', async (flag, [one, other]) => {
  const [first, second] = [await encodingOf(one), await encodingOf(other)];
  expect(second.fingerprint()).not.toBe(first.fingerprint());
  expect(second.differencesFrom(first.fingerprint())).toEqual([`--${flag}`]);
  expect(first.differencesFrom(first.fingerprint())).toEqual([]);
});

test.each(Object.entries(SAME_BYTES))('--%s is no part of the fingerprint', async (_flag, argv) => {
  const images = ['--format=raw'];
  expect((await encodingOf([...images, ...argv])).fingerprint()).toBe((await encodingOf(images)).fingerprint());
});

test('a fingerprint that cannot be read differs in everything, and so does one of a version with another option', async () => {
  const encode = await encodingOf(['--format=raw']);
  expect(encode.differencesFrom(undefined)).toContain('--format');
  expect(encode.differencesFrom('no JSON')).toContain('--fix');
  const later = JSON.stringify({ ...JSON.parse(encode.fingerprint()), 'cluster-size': 512 });
  expect(encode.differencesFrom(later)).toEqual(['--cluster-size']);
});

test('networks are compared without their order', async () => {
  const [one, other] = [
    ['--network=a=x', '--network=b=y'],
    ['--network=b=y', '--network=a=x'],
  ].map((networks) => encodingOf(['--format=raw', ...networks]));
  expect((await one)?.fingerprint()).toBe((await other)?.fingerprint());
});

test('--disk and --exclude-disk exclude each other, are never empty, and have no order', async () => {
  const refusal = (message: string) => expect.objectContaining({ kind: 'usage', message });
  await expect(encodingOf(['--disk=1', '--exclude-disk=2'])).rejects.toThrow(
    refusal('--disk and --exclude-disk are mutually exclusive.'),
  );
  await expect(encodingOf(['--exclude-disk= '])).rejects.toThrow(refusal('--exclude-disk is empty.'));
  const [one, other] = [
    await encodingOf(['--disk=3', '--disk=1']),
    await encodingOf(['--disk=1', '--disk=3', '--disk= 1']),
  ];
  expect(one.fingerprint()).toBe(other.fingerprint());
  expect(one.downloadFingerprint()).not.toBe((await encodingOf([])).downloadFingerprint());
});

test('--audit needs NFC, and knows the lease only', async () => {
  const auditOf = async (argv: string[]) => {
    const { flags } = await Parser.parse(argv, { flags: FLAGS });
    return readExportOptions(flags as Parameters<typeof readExportOptions>[0], {}).audit;
  };
  expect(await auditOf(['--audit=lease', '--transport=auto'])).toBe('lease');
  await expect(auditOf(['--audit=lease'])).rejects.toThrow('--audit needs --transport nfc or auto.');
  await expect(auditOf(['--audit=nfc', '--transport=nfc'])).rejects.toThrow('lease');
});
