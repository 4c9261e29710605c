import type { DiskPlace } from './disk-placement.ts';
import { arrayOf, data, type DataObject } from './value.ts';
import type { VirtualMachine } from './virtual-machine.ts';
import type { VmSnapshot } from './vm-snapshot.ts';

/** Datastore path of the file that a disk writes to after `depth` snapshots. Each snapshot adds a file to the chain. */
export function diskFileName(folder: string, disk: DiskPlace, depth: number): string {
  return `[datastore1] ${folder}/${fileStem(folder, disk, depth)}.vmdk`;
}

function fileStem(folder: string, disk: DiskPlace, depth: number): string {
  const number = disk.key - 2000;
  const base = number === 0 ? folder : `${folder}_${number}`;
  return depth === 0 ? base : `${base}-${String(depth).padStart(6, '0')}`;
}

/** The property `layoutEx`: all files of the VM, and the files of each disk, base first. */
export function vmLayout(vm: VirtualMachine): DataObject {
  const files: DataObject[] = [];
  const addFile = (name: string, type: string, size: number): number => {
    const key = files.length;
    const path = `[datastore1] ${vm.name}/${name}`;
    const sizes = { size: BigInt(size), uniqueSize: BigInt(size) };
    files.push(data('VirtualMachineFileLayoutExFileInfo', { key, name: path, type, ...sizes, accessible: true }));
    return key;
  };
  addFile(`${vm.name}.vmx`, 'config', 3000);
  addFile(`${vm.name}.vmsd`, 'snapshotList', 0);
  if (vm.options.nvram !== undefined) addFile(`${vm.name}.nvram`, 'nvram', vm.options.nvram.length);

  const chains = new Map<DiskPlace, DataObject[]>();
  const depth = vm.snapshotDepth;
  for (const disk of vm.disks) {
    const units = Array.from({ length: depth + 1 }, (_, level) => {
      const stem = fileStem(vm.name, disk, level);
      const descriptor = addFile(`${stem}.vmdk`, 'diskDescriptor', 600);
      const extentName = level === 0 ? `${stem}-flat.vmdk` : `${stem}-sesparse.vmdk`;
      const extent = addFile(extentName, 'diskExtent', level === 0 ? disk.capacityBytes : 1 << 20);
      return data('VirtualMachineFileLayoutExDiskUnit', { fileKey: arrayOf('int', [descriptor, extent]) });
    });
    chains.set(disk, units);
  }
  const disksAt = (levels: number) =>
    arrayOf(
      'VirtualMachineFileLayoutExDiskLayout',
      vm.disks.map((disk) =>
        data('VirtualMachineFileLayoutExDiskLayout', {
          key: disk.key,
          chain: arrayOf('VirtualMachineFileLayoutExDiskUnit', (chains.get(disk) ?? []).slice(0, levels)),
        }),
      ),
    );
  const snapshotLayout = (snapshot: VmSnapshot, level: number): DataObject =>
    data('VirtualMachineFileLayoutExSnapshotLayout', {
      key: snapshot.ref,
      dataKey: addFile(`${vm.name}-Snapshot${snapshot.facts.id}.vmsn`, 'snapshotData', 20_000),
      memoryKey: -1,
      disk: disksAt(level),
    });
  const snapshots = vm.snapshots().map((snapshot) => snapshotLayout(snapshot, snapshot.depth));
  return data('VirtualMachineFileLayoutEx', {
    file: arrayOf('VirtualMachineFileLayoutExFileInfo', files),
    disk: disksAt(depth + 1),
    snapshot: arrayOf('VirtualMachineFileLayoutExSnapshotLayout', snapshots),
    timestamp: new Date('2026-01-01T00:00:00Z'),
  });
}
