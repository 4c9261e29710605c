import { expect, test } from '@jest/globals';
import { join } from 'node:path';
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { Hyper2kvmError } from '../../src/base/errors.ts';
import { withProcessorTime } from '../fuzz/processor-time.ts';
import { openOva } from './read-ova.ts';
import { readOvf } from '../../src/ovf/hardware/ovf-facts.ts';
import { smallOvf } from './ovf-samples.ts';
import { temporaryFolder } from './package-folder.ts';
import { archive, block } from './tar-builder.ts';

const LONGEST_MS = 5000;

/** Processes one input. Expects a result or a typed error of kind `image`, within a limit of processor time. */
async function survives(run: () => Promise<unknown> | void): Promise<'read' | 'refused'> {
  const { result, ms } = await withProcessorTime(async () => {
    try {
      await run();
      return 'read';
    } catch (error) {
      if (!(error instanceof Hyper2kvmError) || error.kind !== 'image') throw error;
      return 'refused';
    }
  });
  expect(ms).toBeLessThan(LONGEST_MS);
  return result;
}

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

const LAUGHS = Array.from({ length: 9 }, (_, at) => `<!ENTITY l${at + 1} "${`&l${at};`.repeat(10)}">`).join('');

test.each([
  ['entities that multiply', `<!DOCTYPE x [<!ENTITY l0 "ha">${LAUGHS}]>${smallOvf({ system: '<Name>&l9;</Name>' })}`],
  [
    'an entity in a file',
    `<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>${smallOvf({ system: '<Name>&f;</Name>' })}`,
  ],
  ['an entity in the network', `<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">${smallOvf()}`],
  ['a parameter entity', `<!DOCTYPE x [<!ENTITY % p SYSTEM "file:///etc/passwd">%p;]>${smallOvf()}`],
])('%s: refused', async (_what, text) => {
  expect(await survives(() => void readOvf(text, 'x.ovf'))).toBe('refused');
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
