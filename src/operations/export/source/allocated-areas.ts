import type { DiskRange } from '../../../image/model/readable-disk.ts';
import type { NfcDisk } from '../../../vsphere/nfc/nfc-disk.ts';
import type { VsphereClient } from '../../../vsphere/session/vsphere-client.ts';
import type { MoRef } from '../../../vsphere/soap/wsdl-types.ts';
import { ChangeTrackingError, queryChangedAreas } from '../../../vsphere/vm/changed-areas.ts';
import type { VirtualDisk } from '../../../vsphere/vm/virtual-disk.ts';

/** More areas than this are not kept: a million need about 50 MB. */
const MOST_AREAS = 1_000_000;

/**
 * Finds the areas of a disk that can contain data: by changed block tracking where the disk is tracked, by the file's
 * allocation map where the file has no parent, otherwise everything. All answers arrive before the first area is used, so
 * that an answer that contradicts itself later leaves no area out.
 */
export async function findAllocatedAreas(
  {
    client,
    vm,
    snapshot,
    disk,
    file,
  }: {
    client: VsphereClient;
    vm: MoRef;
    snapshot: MoRef | undefined;
    disk: VirtualDisk;
    file: NfcDisk;
  },
  signal: AbortSignal,
): Promise<readonly DiskRange[]> {
  const { capacityBytes } = file;
  const everything = [{ offsetBytes: 0, lengthBytes: capacityBytes }];
  if (disk.changeId !== '') {
    try {
      const request = { vm, snapshot, deviceKey: disk.key, changeId: '*', capacityBytes };
      const areas = await collect(queryChangedAreas(client, request, signal));
      if (areas) return areas;
    } catch (error) {
      if (!(error instanceof ChangeTrackingError)) throw error;
    }
  }
  if (disk.hasParent) return everything;
  return (await collect(file.allocatedBlocks(signal))) ?? everything;
}

async function collect(areas: AsyncIterable<DiskRange>): Promise<DiskRange[] | undefined> {
  const all: DiskRange[] = [];
  for await (const area of areas) {
    if (all.length === MOST_AREAS) return undefined;
    all.push(area);
  }
  return all;
}
