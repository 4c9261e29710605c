import { createReadStream } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { randomContent, writeRawFile } from '../../server/content-source.ts';
import { digestOf } from '../../server/lease-file.ts';
import {
  makeBenchFolder,
  makeRawDisk,
  makeVmdk,
  measureOwn,
  readPositive,
  requireQemuImg,
  requireSame,
  warm,
} from '../bench-disks.ts';
import { compete, contestTable, describeHost, type Contestant } from '../contest.ts';
import { measureRun, withFlush, type MeasuredRun } from '../measured-run.ts';

/**
 * `npm run bench:convert -- [--size-mib N] [--full-mib N] [--runs N] [--tree FOLDER] [--only TEXT]`
 * Runs every conversion and `qemu-img convert` on the same file in turn, and compares the results.
 * `--tree` makes the disk an ext4 file system with that folder in it, like a guest's disk.
 * The files are created below TMPDIR, which needs about three times the size.
 */
const { values } = parseArgs({
  options: {
    'size-mib': { type: 'string', default: '4096' },
    'full-mib': { type: 'string', default: '2048' },
    runs: { type: 'string', default: '3' },
    tree: { type: 'string' },
    only: { type: 'string', default: '' },
  },
});
const MiB = 1024 * 1024;
const sizeBytes = readPositive('--size-mib', values['size-mib']) * MiB;
const fullBytes = readPositive('--full-mib', values['full-mib']) * MiB;
const runs = readPositive('--runs', values.runs);
const qemuImg = requireQemuImg();

interface Contest {
  title: string;
  source: string;
  format: string;
  /** Arguments of `qemu-img convert`. */
  peer: string[];
  /** The title, and the flags of `convert`. */
  own: [title: string, flags: string[], source?: string][];
  /** Whether to measure a plain copy of the source, too. */
  withCopy?: boolean;
}

await using folder = await makeBenchFolder();
const inFolder = (name: string) => join(folder.path, name);
const raw = inFolder('disk.raw');
const full = inFolder('full.raw');
const stream = inFolder('stream.vmdk');
const sparse = inFolder('sparse.vmdk');
const descriptor = inFolder('package.ovf');

const QCOW2 = ['-O', 'qcow2'];
const BOTH: Contest['own'] = [
  ['hyper2kvm', ['--no-verify']],
  ['hyper2kvm, read back', ['--verify']],
];
const CONTESTS: Contest[] = [
  { title: 'streamOptimized → qcow2', source: stream, format: 'qcow2', peer: QCOW2, own: [['hyper2kvm', []]] },
  {
    title: 'streamOptimized → raw',
    source: stream,
    format: 'raw',
    peer: ['-O', 'raw'],
    own: [['hyper2kvm', ['--format', 'raw']]],
  },
  {
    title: 'streamOptimized → compressed qcow2',
    source: stream,
    format: 'qcow2',
    peer: ['-c', ...QCOW2],
    own: [
      ['hyper2kvm, each grain proved', ['--compress']],
      ['hyper2kvm, hash of the manifest proved', ['--compress'], descriptor],
      ['hyper2kvm --no-verify', ['--compress', '--no-verify']],
    ],
    withCopy: true,
  },
  { title: 'monolithicSparse → qcow2', source: sparse, format: 'qcow2', peer: QCOW2, own: BOTH },
  { title: 'sparse raw → qcow2', source: raw, format: 'qcow2', peer: ['-f', 'raw', ...QCOW2], own: BOTH },
  { title: 'raw full of data → qcow2', source: full, format: 'qcow2', peer: ['-f', 'raw', ...QCOW2], own: BOTH },
];

await makeSources();
const disk = values.tree === undefined ? 'text, holes and random data' : `ext4 with ${values.tree}`;
console.log(`Disk of ${(sizeBytes / 2 ** 30).toFixed(1)} GiB (${disk}), median of ${runs} in turn; ${describeHost()}.`);
for (const contest of CONTESTS.filter(({ title }) => title.includes(values.only))) {
  await warm(contest.source);
  console.log(`\n${contest.title}\n\n${contestTable(await compete(contestantsOf(contest), runs))}`);
}

async function makeSources(): Promise<void> {
  await makeRawDisk(raw, sizeBytes, values.tree);
  await makeVmdk(qemuImg, raw, 'streamOptimized', stream);
  await makeVmdk(qemuImg, raw, 'monolithicSparse', sparse);
  await writeRawFile(randomContent(fullBytes, 'full'), full);
  await writePackage();
}

/** Writes a minimal package with the streamOptimized disk: only the parts of an export that a conversion reads. */
async function writePackage(): Promise<void> {
  const text = `<?xml version="1.0"?>
<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1"
  xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData">
  <References><File ovf:id="file1" ovf:href="stream.vmdk"/></References>
  <DiskSection><Info>Disks</Info><Disk ovf:diskId="disk1" ovf:fileRef="file1" ovf:capacity="${sizeBytes}"
    ovf:format="http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"/></DiskSection>
  <VirtualSystem ovf:id="bench"><Info>A machine</Info><VirtualHardwareSection><Info>Hardware</Info>
    <Item><rasd:InstanceID>1</rasd:InstanceID><rasd:ResourceType>3</rasd:ResourceType><rasd:VirtualQuantity>1</rasd:VirtualQuantity></Item>
    <Item><rasd:AllocationUnits>byte * 2^20</rasd:AllocationUnits><rasd:InstanceID>2</rasd:InstanceID><rasd:ResourceType>4</rasd:ResourceType><rasd:VirtualQuantity>512</rasd:VirtualQuantity></Item>
    <Item><rasd:InstanceID>3</rasd:InstanceID><rasd:ResourceType>20</rasd:ResourceType></Item>
    <Item><rasd:AddressOnParent>0</rasd:AddressOnParent><rasd:HostResource>ovf:/disk/disk1</rasd:HostResource><rasd:InstanceID>4</rasd:InstanceID><rasd:Parent>3</rasd:Parent><rasd:ResourceType>17</rasd:ResourceType></Item>
  </VirtualHardwareSection></VirtualSystem>
</Envelope>
`;
  await writeFile(descriptor, text);
  const { sha256 } = await digestOf(createReadStream(stream, { highWaterMark: MiB }));
  await writeFile(inFolder('package.mf'), `SHA256(stream.vmdk)= ${sha256}\n`);
}

function contestantsOf({ source, format, peer, own, withCopy }: Contest): Contestant[] {
  const [ours, theirs, copy] = [inFolder(`ours.${format}`), inFolder(`theirs.${format}`), inFolder('copy.vmdk')];
  const measureFresh = async (path: string, run: () => Promise<MeasuredRun>): Promise<MeasuredRun> => {
    await rm(path, { force: true });
    return run();
  };
  const peerTitle = `\`qemu-img convert ${peer.join(' ')}\``;
  const convertByPeer = () => measureRun(qemuImg, ['convert', ...peer, source, theirs]);
  const contestants: Contestant[] = [
    { title: peerTitle, run: () => measureFresh(theirs, async () => withFlush(await convertByPeer(), [theirs])) },
  ];
  if (withCopy) {
    const run = () => measureFresh(copy, async () => withFlush(await measureRun('cp', [source, copy]), [copy]));
    contestants.push({ title: '`cp` of the VMDK', peer: peerTitle, run });
  }
  for (const [title, flags, ownSource = source] of own) {
    const run = () =>
      measureFresh(ours, () =>
        measureOwn([
          'convert',
          ownSource,
          '--disk',
          '1',
          '-o',
          ours,
          ...flags,
          ...(ownSource.endsWith('.raw') ? ['--input-format', 'raw'] : []),
        ]),
      );
    const check = () => requireSame(qemuImg, ['-f', 'raw', '-F', format, source === full ? full : raw, ours]);
    contestants.push({ title, peer: peerTitle, run, check });
  }
  return contestants;
}
