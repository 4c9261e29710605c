import { describe, expect, test } from '@jest/globals';
import { ChangeTrackingError, queryChangedAreas, type DiskArea } from '../../../src/vsphere/vm/changed-areas.ts';
import { startSoapServer, type SoapAnswer } from '../soap-server.ts';

const MIB = 1024 * 1024;
const VM = { type: 'VirtualMachine', value: 'vm-1' };
const SNAPSHOT = { type: 'VirtualMachineSnapshot', value: 'snapshot-1' };

const windowXml = (start: number, length: number, ...areas: [number, number][]): SoapAnswer => ({
  content: `<returnval><startOffset>${start}</startOffset><length>${length}</length>${areas
    .map(([from, bytes]) => `<changedArea><start>${from}</start><length>${bytes}</length></changedArea>`)
    .join('')}</returnval>`,
});

const areasWith = async (
  answer: (startBytes: number) => SoapAnswer,
  { capacityBytes = 10 * MIB, changeId = '52 f3/7' } = {},
): Promise<{ areas: DiskArea[]; asked: number[]; bodies: string[] }> => {
  await using server = await startSoapServer((_method, body) => answer(askedIn(body)));
  const areas: DiskArea[] = [];
  const request = { vm: VM, snapshot: SNAPSHOT, deviceKey: 2000, changeId, capacityBytes };
  for await (const area of queryChangedAreas(server.client, request, new AbortController().signal)) areas.push(area);
  return { areas, asked: server.bodies.map(askedIn), bodies: server.bodies };
};

function askedIn(body: string): number {
  return Number(/<startOffset>(\d+)/.exec(body)?.[1]);
}

test('asks window by window until the capacity, and never at it', async () => {
  const windows: Record<number, SoapAnswer> = {
    0: windowXml(0, 4 * MIB, [0, 65_536], [MIB, 65_536]),
    [4 * MIB]: windowXml(4 * MIB, 2 * MIB),
    [6 * MIB]: windowXml(6 * MIB, 4 * MIB, [9 * MIB, MIB]),
  };
  const { areas, asked, bodies } = await areasWith((start) => windows[start] ?? { fault: 'InvalidArgument' });
  expect(asked).toEqual([0, 4 * MIB, 6 * MIB]);
  expect(areas).toEqual([
    { offsetBytes: 0, lengthBytes: 65_536 },
    { offsetBytes: MIB, lengthBytes: 65_536 },
    { offsetBytes: 9 * MIB, lengthBytes: MIB },
  ]);
  // The order of the WSDL's sequence.
  expect(bodies[0]).toMatch(/<_this .*<snapshot .*<deviceKey>2000<.*<startOffset>0<.*<changeId>52 f3\/7</);
});

test('merges areas that touch or overlap, also across windows, and rounds them to sectors', async () => {
  const { areas } = await areasWith((start) =>
    start === 0 ? windowXml(0, MIB, [MIB - 700, 700], [100, 1]) : windowXml(MIB, 9 * MIB, [MIB, 10], [MIB + 5, 700]),
  );
  expect(areas).toEqual([
    { offsetBytes: 0, lengthBytes: 512 },
    { offsetBytes: MIB - 1024, lengthBytes: 1024 + 1024 },
  ]);
});

test('a disk whose capacity is not a multiple of a sector has an area up to its end', async () => {
  const { areas } = await areasWith(() => windowXml(0, 1000, [512, 400]), { capacityBytes: 1000 });
  expect(areas).toEqual([{ offsetBytes: 512, lengthBytes: 488 }]);
});

describe('refuses an answer that contradicts the question', () => {
  const cases: [string, SoapAnswer][] = [
    ['another start', windowXml(512, 10 * MIB - 512)],
    ['a window without length', windowXml(0, 0)],
    ['a negative length', windowXml(0, -1)],
    ['a window after the end of the disk', windowXml(0, 11 * MIB)],
    ['an area before its window', windowXml(0, 10 * MIB, [-512, 1024])],
    ['an area after its window', windowXml(0, 10 * MIB, [10 * MIB - 512, 1024])],
    ['an area without length', windowXml(0, 10 * MIB, [512, 0])],
    ['no window at all', { content: '' }],
    ['a window without numbers', { content: '<returnval><startOffset>x</startOffset></returnval>' }],
  ];
  test.each(cases)('%s', async (_title, answer) => {
    await expect(areasWith(() => answer)).rejects.toBeInstanceOf(ChangeTrackingError);
  });

  test('a gap between two windows', async () => {
    const answers = (start: number): SoapAnswer =>
      start === 0 ? windowXml(0, 4 * MIB) : windowXml(5 * MIB, 5 * MIB, [5 * MIB, 512]);
    await expect(areasWith(answers)).rejects.toMatchObject({ reason: expect.stringContaining('contradicts itself') });
  });
});

describe('a fault', () => {
  test.each(['InvalidArgument', 'FileFault', 'FileNotFound', 'NotSupported', 'MethodNotFound', 'SystemError'])(
    '%s means that all areas must be read',
    async (fault) => {
      const error = await areasWith(() => ({ fault })).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(ChangeTrackingError);
      expect(error).toMatchObject({ reason: `the server answered with ${fault}` });
    },
  );

  test.each(['NoPermission', 'ManagedObjectNotFound', 'TaskInProgress'])('%s is reported as it is', async (fault) => {
    const error = await areasWith(() => ({ fault })).catch((reason: unknown) => reason);
    expect(error).not.toBeInstanceOf(ChangeTrackingError);
    expect(error).toMatchObject({ faultType: fault });
  });
});
