import type { DiskLayer } from './disks/disk-layer.ts';
import type { DiskState } from './disks/vm-disk.ts';
import { arrayOf, data, type DataObject } from './value.ts';
import type { VirtualMachine } from './virtual-machine.ts';
import type { VmSnapshot } from './vm-snapshot.ts';

/** The property `layoutEx`: all files of the VM, and the files of each disk, base first. */
export function vmLayout(vm: VirtualMachine): DataObject {
  const files: DataObject[] = [];
  const folder = `[${vm.datacenter.datastore.name}] ${vm.name}/`;
  const addPath = (path: string, type: string, size: number): number => {
    const key = files.length;
    const sizes = { size: BigInt(size), uniqueSize: BigInt(size) };
    files.push(data('VirtualMachineFileLayoutExFileInfo', { key, name: path, type, ...sizes, accessible: true }));
    return key;
  };
  const addFile = (name: string, type: string, size: number) => addPath(`${folder}${name}`, type, size);
  addFile(`${vm.name}.vmx`, 'config', 3000);
  addFile(`${vm.name}.vmsd`, 'snapshotList', 0);
  if (vm.options.nvram !== undefined) addFile(`${vm.name}.nvram`, 'nvram', vm.options.nvram.length);

  const units = new Map<DiskLayer, DataObject>();
  for (const disk of vm.disks) {
    for (const layer of disk.files) {
      const isBase = layer.parent === undefined;
      const descriptor = addPath(disk.fileName(layer), 'diskDescriptor', 600);
      const extentName = `${disk.stemOf(layer)}-${isBase ? 'flat' : 'sesparse'}.vmdk`;
      const extent = addPath(extentName, 'diskExtent', isBase ? layer.capacityBytes : 1 << 20);
      units.set(layer, data('VirtualMachineFileLayoutExDiskUnit', { fileKey: arrayOf('int', [descriptor, extent]) }));
    }
  }
  const chainsOf = (states: readonly DiskState[]) =>
    arrayOf(
      'VirtualMachineFileLayoutExDiskLayout',
      states.map(({ disk, layer }) => {
        const chain = layer.chain().flatMap((each) => units.get(each) ?? []);
        return data('VirtualMachineFileLayoutExDiskLayout', {
          key: disk.key,
          chain: arrayOf('VirtualMachineFileLayoutExDiskUnit', chain),
        });
      }),
    );
  const snapshotLayout = (snapshot: VmSnapshot): DataObject =>
    data('VirtualMachineFileLayoutExSnapshotLayout', {
      key: snapshot.ref,
      dataKey: addFile(`${vm.name}-Snapshot${snapshot.facts.id}.vmsn`, 'snapshotData', 20_000),
      memoryKey: -1,
      disk: chainsOf(snapshot.disks),
    });
  const snapshots = vm.snapshots().map(snapshotLayout);
  return data('VirtualMachineFileLayoutEx', {
    file: arrayOf('VirtualMachineFileLayoutExFileInfo', files),
    disk: chainsOf(vm.storage.states()),
    snapshot: arrayOf('VirtualMachineFileLayoutExSnapshotLayout', snapshots),
    timestamp: new Date('2026-01-01T00:00:00Z'),
  });
}
