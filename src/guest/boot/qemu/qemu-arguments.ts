import type { Accelerator, BootMachine, UefiFirmware } from './boot-machine.ts';
import { diskDevices } from './disk-arguments.ts';

/** The child's file descriptors that are sockets to this process. QEMU receives their numbers. */
export const QMP_FD = 3;
export const SERIAL_FD = 4;
export const AGENT_FD = 5;

/** The id of the guest agent's port. QMP uses it to report that the guest has opened the port. */
export const AGENT_PORT = 'agent0';

/** QEMU fills the root bus from slot 1 upwards, and places its own devices at the end. */
const FIRST_NIC_SLOT = 0x10;
const NIC_SLOTS = 10;

/** The files of one run. */
export interface BootFiles {
  /** A qcow2 overlay per disk, in disk order: absolute. */
  overlays: string[];
  /** The file for the frames of each NIC: absolute. */
  frames: string[];
  /** The copy of the UEFI variables. */
  vars: string | undefined;
}

/** The id of the object that captures the frames of NIC number `index`. */
export function frameDump(index: number): string {
  return `dump${index}`;
}

/**
 * The arguments for qemu-system-x86_64: only the VM, stopped until QMP sends `cont`, without a display. Its NICs
 * reach nothing except QEMU's built-in DHCP server.
 */
export function qemuArguments(machine: BootMachine, files: BootFiles, accelerator: Accelerator): string[] {
  return [
    ['-nodefaults', '-no-user-config', '-S', '-name', 'boot-test'],
    // Keeps a guest that powers itself off available for inspection.
    ['-no-shutdown'],
    // The guest is untrusted. QEMU drops the system calls that it does not need, as it does under libvirt.
    ['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'],
    ['-machine', machineText(machine), '-accel', accelerator, '-cpu', 'max'],
    ['-m', `${Math.ceil(machine.memoryBytes / 2 ** 20)}M`, '-smp', processors(machine)],
    ['-rtc', `base=${machine.clock}`],
    machine.uuid === undefined ? [] : ['-uuid', machine.uuid],
    flash(machine, files),
    // Boot from the disks only: a NIC's boot ROM would send frames without any guest.
    ['-boot', 'strict=on,menu=off'],
    ['-display', 'none', '-vga', 'std'],
    ports(machine),
    machine.disks.flatMap((_disk, index) => ['-blockdev', overlayNode(index, files.overlays[index] ?? '')]),
    diskDevices(machine.disks, machine.machine).flatMap((text) => ['-device', text]),
    machine.nics.flatMap((_nic, index) => network(machine, index, files.frames[index] ?? '')),
    ['-object', 'rng-random,id=rng0,filename=/dev/urandom', '-device', 'virtio-rng-pci,rng=rng0'],
  ].flat();
}

/** `graphics=off` makes SeaBIOS, and boot loaders that print through it, use the serial port too. */
function machineText({ machine, firmware }: BootMachine): string {
  const parts = [machine, 'graphics=off'];
  if (firmware.kind === 'uefi') {
    parts.push('pflash0=code', 'pflash1=vars');
    if (firmware.needsSmm) parts.push('smm=on');
  }
  return parts.join(',');
}

function processors({ vcpus, coresPerSocket }: BootMachine): string {
  if (coresPerSocket === undefined) return String(vcpus);
  return `${vcpus},sockets=${vcpus / coresPerSocket},cores=${coresPerSocket},threads=1`;
}

function flash({ firmware }: BootMachine, { vars }: BootFiles): string[] {
  if (firmware.kind === 'bios' || vars === undefined) return [];
  const { codePath, codeFormat, varsFormat, needsSmm }: UefiFirmware = firmware;
  return [
    ['-blockdev', fileNode('code', codeFormat, codePath, { 'read-only': true })],
    ['-blockdev', fileNode('vars', varsFormat, vars)],
    needsSmm ? ['-global', 'driver=cfi.pflash01,property=secure,value=on'] : [],
    // Disables OVMF's network boot, whose frames would be mistaken for the guest's.
    ['-fw_cfg', 'name=opt/org.tianocore/IPv4PXESupport,string=n'],
    ['-fw_cfg', 'name=opt/org.tianocore/IPv6PXESupport,string=n'],
  ].flat();
}

const AGENT = [
  ['-device', 'virtio-serial-pci', '-chardev', `socket,id=agent,fd=${AGENT_FD}`],
  ['-device', `virtserialport,chardev=agent,id=${AGENT_PORT},name=org.qemu.guest_agent.0`],
];

/** QMP, the serial port and the guest agent's port, each on an already open socket. */
function ports({ hasAgentPort = true }: BootMachine): string[] {
  return [
    ['-chardev', `socket,id=qmp,fd=${QMP_FD}`, '-mon', 'chardev=qmp,mode=control'],
    ['-chardev', `socket,id=serial0,fd=${SERIAL_FD}`, '-serial', 'chardev:serial0'],
    ...(hasAgentPort ? AGENT : []),
  ].flat();
}

function overlayNode(index: number, path: string): string {
  return fileNode(`disk${index}`, 'qcow2', path, { discard: 'unmap' });
}

/** In JSON, where commas in a path need no escaping. */
function fileNode(name: string, driver: string, path: string, options: Record<string, unknown> = {}): string {
  return JSON.stringify({ 'node-name': name, driver, ...options, file: { driver: 'file', filename: path } });
}

function network({ machine, nics }: BootMachine, index: number, frames: string): string[] {
  const { mac = '', device = '', onRootBus = false } = nics[index] ?? {};
  const id = `net${index}`;
  const dump = { 'qom-type': 'filter-dump', id: frameDump(index), netdev: id, file: frames };
  const slot = `0x${(FIRST_NIC_SLOT + index).toString(16)}`;
  // Without an address QEMU takes the first free slot, so the order is that of the arguments.
  const isPlaced = nics.length <= NIC_SLOTS;
  const port = `port${index}`;
  const hasPort = isPlaced && machine === 'q35' && !onRootBus;
  const place = !isPlaced ? '' : hasPort ? `,bus=${port}` : `,addr=${slot}`;
  return [
    ['-netdev', `user,id=${id},restrict=on`],
    hasPort ? ['-device', `pcie-root-port,id=${port},chassis=${index + 1},addr=${slot}`] : [],
    ['-device', `${device},netdev=${id},mac=${mac},romfile=${place}`],
    ['-object', JSON.stringify(dump)],
  ].flat();
}
