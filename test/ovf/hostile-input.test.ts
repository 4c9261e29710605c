import { afterAll, expect, test } from '@jest/globals';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip, gzipSync } from 'node:zlib';
import { Hyper2kvmError } from '../../src/base/errors.ts';
import { domainXml } from '../../src/domain/domain-xml.ts';
import { domainOfOvf } from '../../src/operations/convert/domain-of-ovf.ts';
import { unfitName } from '../../src/ovf/file-href.ts';
import { openPackage } from '../../src/ovf/open-package.ts';
import { readOvf } from '../../src/ovf/ovf-facts.ts';
import { readPackaged } from '../../src/ovf/read-packaged.ts';
import { OVF_2, OVIRT, smallOvf, VIRTUALBOX, VSPHERE } from './ovf-samples.ts';
import { pattern, temporaryFolder } from './package-folder.ts';
import { joined, readMembers } from './read-all.ts';
import { archive, base256, block, member, pax } from './tar-builder.ts';
import { openOva } from '../../src/ovf/ova-reader.ts';

/** How many inputs of each kind; `FUZZ_CASES=20000` for a night. The seed makes every run the same: `FUZZ_SEED` another one. */
const CASES = Number(process.env['FUZZ_CASES'] ?? 1000);
const SEED = Number(process.env['FUZZ_SEED'] ?? 1);
const LONGEST_MS = 5000;

/** Numbers from 0 to `below` - 1, always the same (mulberry32). */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

type Random = (below: number) => number;

function pick<Item>(items: readonly Item[], random: Random): Item {
  const item = items[random(items.length)];
  if (item === undefined) throw new Error('nothing to pick from');
  return item;
}

/** Runs one input: it must give a result or a typed error, soon. */
async function survives(run: () => Promise<unknown> | void): Promise<'read' | 'refused'> {
  const start = performance.now();
  let outcome: 'read' | 'refused' = 'read';
  try {
    await run();
  } catch (error) {
    if (!(error instanceof Hyper2kvmError) || error.kind !== 'image') throw error;
    outcome = 'refused';
  }
  expect(performance.now() - start).toBeLessThan(LONGEST_MS);
  return outcome;
}

/** Other test files may have run in this process before: only what comes on top of their memory counts. */
const startBytes = process.memoryUsage.rss();
let peakBytes = 0;
afterAll(() => {
  expect(peakBytes - startBytes).toBeLessThan(600 * 2 ** 20);
});

const TARS = [
  archive(
    member({ name: 'vm.ovf' }, smallOvf()),
    member({ name: 'a.vmdk' }, pattern(3000)),
    member({ name: 'vm.mf' }, 'x'),
  ),
  archive(pax({ path: 'ü'.repeat(200), size: '700' }), member({}, pattern(700)), member({ type: '5', name: 'd/' })),
  archive(
    member({ type: 'L' }, `${'n'.repeat(300)}\0`),
    member({}, pattern(100)),
    member({ size: base256(600n), name: 'b' }, pattern(600)),
  ),
  archive(pax({ comment: 'c' }, 'g'), member({ magic: 'ustar  \0', name: 'g' }, 'g'), member({ prefix: 'p/q' }, 'abc')),
];

function changedTar(random: Random): Buffer {
  let bytes = Buffer.from(pick(TARS, random));
  for (let round = random(6); round >= 0; round--) {
    const blockAt = 512 * random(bytes.length / 512);
    const way = random(8);
    if (way === 0) bytes = bytes.subarray(0, random(bytes.length));
    else if (way === 1) bytes = Buffer.concat([bytes.subarray(0, blockAt), bytes.subarray(random(4) * 512)]);
    else if (way === 2) bytes.subarray(blockAt + 124, blockAt + 124 + random(13)).fill(random(256));
    else if (way === 3) bytes[blockAt + 156] = random(256);
    else bytes[random(Math.max(1, bytes.length))] = pick([0, 0x20, 0x2e, 0x2f, 0x37, 0x80, 0xff, random(256)], random);
    if (bytes.length < 512) return bytes;
    bytes = bytes.subarray(0, 65_536);
  }
  if (random(3) > 0) for (let at = 0; at + 512 <= bytes.length; at += 512) sign(bytes.subarray(at, at + 512));
  return bytes;
}

/** So that more than the checksum is tested. A block of content gets one too, which makes as strange an archive as any. */
function sign(header: Buffer): void {
  if (header.toString('latin1', 257, 262) !== 'ustar') return;
  header.fill(' ', 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
}

test(`${CASES} changed tars give safe names and no more bytes than there are, or an error of kind image`, async () => {
  const random = numbers(SEED);
  const outcomes = { read: 0, refused: 0 };
  for (let round = 0; round < CASES; round++) {
    const bytes = changedTar(random);
    const pieceSize = pick([100, 512, 65_536], random);
    outcomes[
      await survives(async () => {
        for (const [name, content] of await readMembers(bytes, pieceSize)) {
          if (unfitName(name) !== undefined || content.length > bytes.length) throw new Error(`wrong member ${name}`);
        }
      })
    ]++;
    peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
  }
  expect(outcomes.read).toBeGreaterThan(CASES / 100);
  expect(outcomes.refused).toBeGreaterThan(CASES / 10);
});

const DESCRIPTORS = [VSPHERE, VIRTUALBOX, OVF_2, OVIRT];
const NASTY = [
  '&x;',
  '&#0;',
  '&#xD800;',
  '<!DOCTYPE a>',
  '<![CDATA[',
  ']]>',
  '<!--',
  '-->',
  '..',
  '../'.repeat(20),
  '/',
  '%00',
  '%2e%2e%2f',
  'file:///etc/passwd',
  '-1',
  '1e999',
  '99999999999999999999',
  '0',
  '',
  '\0',
  '\uFFFE',
  '"',
  '<a>'.repeat(200),
  '__proto__',
  'constructor',
  'xmlns:ovf="x"',
  'byte * 10^99 * 10^99',
];

function changedText(random: Random): string {
  let text = pick(DESCRIPTORS, random);
  for (let round = random(4); round >= 0; round--) {
    const at = random(text.length);
    const end = Math.min(text.length, at + random(60));
    const way = random(5);
    if (way === 0) text = text.slice(0, at) + text.slice(end);
    else if (way === 1) text = text.slice(0, end) + text.slice(at);
    else if (way === 2) text = text.slice(0, at) + pick(NASTY, random) + text.slice(at);
    else text = withChangedValue(text, random);
  }
  return text;
}

/** Stays well-formed more often: one attribute's or element's value becomes another one, or a nasty one. */
function withChangedValue(text: string, random: Random): string {
  const values = [...text.matchAll(/"([^"<]*)"|>([^<>]+)</g)];
  const { index, 0: whole } = pick(values, random);
  const [, quoted, plain = quoted] = pick(values, random);
  const value = random(2) === 0 ? pick(NASTY, random) : (plain ?? '');
  return text.slice(0, index + 1) + value + text.slice(index + whole.length - 1);
}

test(`${CASES} changed descriptors give facts of which a domain can be made, or an error of kind image`, async () => {
  const random = numbers(SEED);
  const outcomes = { read: 0, refused: 0 };
  for (let round = 0; round < CASES; round++) {
    const text = changedText(random);
    outcomes[
      await survives(() => {
        const facts = readOvf(text, 'x.ovf');
        if (facts.files.some(({ href }) => unfitName(href) !== undefined)) throw new Error('unfit name');
        const disks = facts.disks.map((_disk, index) => ({ path: `/d${index}`, format: 'qcow2' as const }));
        domainXml(domainOfOvf(facts, { disks, bus: 'sata', nicModel: 'e1000e' }));
      })
    ]++;
    peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
  }
  expect(outcomes.read).toBeGreaterThan(CASES / 20);
  expect(outcomes.refused).toBeGreaterThan(CASES / 10);
});

test(`${CASES / 10} changed archives, compressed ones too, open and read, or give an error of kind image`, async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'x.ova');
  const random = numbers(SEED);
  for (let round = 0; round < CASES / 10; round++) {
    const bytes = changedTar(random);
    const packed = random(2) === 0 ? bytes : gzipSync(bytes, { level: 1 });
    if (random(4) === 0) packed[random(packed.length)] = random(256);
    await writeFile(path, packed);
    await survives(async () => {
      const opened = await openPackage(path);
      for (const disk of opened.disks) await joined(readPackaged(opened, disk));
    });
  }
});

const ROOT = '<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1">';
const MANY = 20_000;

test.each([
  [
    'nesting',
    ROOT + '<VirtualSystemCollection>'.repeat(MANY) + '</VirtualSystemCollection>'.repeat(MANY) + '</Envelope>',
  ],
  ['files', smallOvf({ files: Array.from({ length: MANY }, (_, at) => `<File href="f${at}" id="f${at}"/>`).join('') })],
  [
    'disks',
    smallOvf({ disks: Array.from({ length: MANY }, (_, at) => `<Disk diskId="d${at}" capacity="1"/>`).join('') }),
  ],
  ['items', smallOvf({ hardware: '<Item><rasd:InstanceID>1</rasd:InstanceID></Item>'.repeat(MANY) })],
  ['systems', `${ROOT}${'<VirtualSystem id="x"/>'.repeat(MANY)}</Envelope>`],
  [
    'attributes',
    smallOvf({ files: `<File ${Array.from({ length: MANY }, (_, at) => `a${at}="x"`).join(' ')} href="f" id="f"/>` }),
  ],
  ['names of elements', smallOvf({ hardware: Array.from({ length: MANY }, (_, at) => `<a${at}/>`).join('') })],
  ['references', smallOvf({ system: `<Name>${'&amp;'.repeat(MANY)}</Name>` })],
  ['ampersands', smallOvf({ system: `<Name>${'&'.repeat(MANY)}</Name>` })],
  [
    'factors of a unit',
    smallOvf({ disks: `<Disk diskId="d" capacity="1" capacityAllocationUnits="byte${' * 2'.repeat(MANY)}"/>` }),
  ],
  [
    'blanks in a unit',
    smallOvf({ disks: `<Disk diskId="d" capacity="1" capacityAllocationUnits="byte${' '.repeat(MANY)}x"/>` }),
  ],
  ['dots in a name', smallOvf({ files: `<File id="f" href="${'./'.repeat(MANY)}"/>` })],
])('%s without end do not hang', async (_what, text) => {
  await survives(() => void readOvf(text, 'x.ovf'));
});

test('a tar that compresses a thousandfold takes no more memory than any', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'bomb.ova');
  const [zeros, sizeBytes] = [Buffer.alloc(2 ** 20), 256 * 2 ** 20];
  const tar = [block({ name: 'bomb', size: sizeBytes }), ...Array.from({ length: 256 }, () => zeros), archive()];
  await pipeline(Readable.from(tar), createGzip({ level: 1 }), createWriteStream(path));
  const before = process.memoryUsage.rss();
  for await (const { pieces } of openOva(path)) {
    let size = 0;
    for await (const piece of pieces()) size += piece.length;
    expect(size).toBe(sizeBytes);
  }
  expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 2 ** 20);
});
