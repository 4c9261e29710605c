import type { ByteRange } from '../content-source.ts';
import { deep, field } from '../raw-client.ts';
import type { Scene } from './scene.ts';

/** An answer of `QueryChangedDiskAreas`. */
interface Changes {
  fault: string;
  /** The key of the fault's message. */
  reason: string;
  startOffset: number;
  length: number;
  areas: ByteRange[];
}

/** Calls `QueryChangedDiskAreas`. */
export async function query(
  scene: Scene,
  { snapshot, deviceKey = 2000, startOffset = 0, changeId }: QueryOptions,
): Promise<Changes> {
  const of =
    snapshot === undefined ? '' : `<snapshot type="VirtualMachineSnapshot">${snapshot.split(':')[1]}</snapshot>`;
  const args = `${of}<deviceKey>${deviceKey}</deviceKey><startOffset>${startOffset}</startOffset><changeId>${changeId}</changeId>`;
  const answer = await scene.client.call('QueryChangedDiskAreas', scene.vm, args);
  const [info] = answer.returned;
  const number = (name: string) => (info === undefined ? 0 : Number(field(info, name).text));
  return {
    fault: answer.fault,
    reason: answer.returned
      .flatMap((child) => deep(child, 'key'))
      .map(({ text }) => text)
      .join(),
    startOffset: number('startOffset'),
    length: number('length'),
    areas: (info === undefined ? [] : deep(info, 'changedArea')).map((area) => ({
      offset: Number(field(area, 'start').text),
      length: Number(field(area, 'length').text),
    })),
  };
}

interface QueryOptions {
  snapshot?: string | undefined;
  deviceKey?: number;
  startOffset?: number;
  changeId: string;
}

/** Asks from window to window up to the capacity. Adjacent areas are joined. */
export async function allChanges(scene: Scene, snapshot: string | undefined, changeId: string): Promise<ByteRange[]> {
  const capacity = (await scene.backings(snapshot ?? scene.vm))[0]?.capacityBytes ?? 0;
  const areas: ByteRange[] = [];
  for (let startOffset = 0; startOffset < capacity;) {
    const window = await query(scene, { snapshot, startOffset, changeId });
    if (window.fault !== '') throw new Error(window.fault);
    for (const area of window.areas) {
      const last = areas.at(-1);
      if (last !== undefined && last.offset + last.length === area.offset) last.length += area.length;
      else areas.push(area);
    }
    startOffset += window.length;
  }
  return areas;
}
