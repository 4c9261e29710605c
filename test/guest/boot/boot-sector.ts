/**
 * The smallest possible guest: a boot sector that prints a text to the first serial port, sends one Ethernet frame if
 * the VM has an RTL8139, and halts or restarts. The code is at offset 0, the text at 0x100 and the frame at 0x1bc. The
 * frame overwrites the place of a partition table, so that none is found there.
 */
const CODE = Buffer.from(
  [
    // Interrupts stay off: in an interrupt, the BIOS would write the rest of its own text to the same port.
    'fa 31c0 8ed8 8ed0 bc007c fc', // cli, ax = ds = ss = 0, sp = 0x7c00, cld
    'be007d', // si = 0x7d00, the text
    'ac 84c0 7412', // lodsb; at the terminating NUL, continue with the NIC
    '88c4 bafd03 ec a820 74fb', // wait until the port's transmitter is empty
    '88e0 baf803 ee ebe9', // out 0x3f8; the next byte
    'b802b1 b93981 baec10 31f6 cd1a 723c', // PCI BIOS: find 10ec:8139, or skip the rest
    'b80bb1 bf0400 b90700 cd1a', // command register: I/O, memory, bus master
    'b809b1 bf1000 cd1a 83e1fc 89ce', // si = the I/O ports of BAR 0
    '8d5437 b010 ee ec a810 75fb b004 ee', // reset the NIC, enable its transmitter
    '8d5420 66b8bc7d0000 66ef', // the frame's address
    '8d5410 66b83c000000 66ef', // its length, which sends it
  ]
    .join('')
    .replaceAll(' ', ''),
  'hex',
);
/** hlt, in an endless loop. */
const HALT = Buffer.from('f4ebfd', 'hex');
/** Reset through the keyboard controller: out 0x64, 0xfe. */
const RESTART = Buffer.from('b0fee664f4ebfd', 'hex');

const TEXT_AT = 0x100;
const FRAME_AT = 0x1bc;
const DISK_BYTES = 1 << 20;

export interface TinyGuest {
  /** At most 185 bytes, printed unchanged on a separate line. */
  text: string;
  /** Source MAC address of the frame. */
  mac?: string;
  /** An IPv4 address. If set, the frame is an ARP request from this address for the next address. */
  address?: string;
  atEnd?: 'halt' | 'restart';
}

/** Builds a raw disk that boots this guest. */
export function tinyGuest({ text, mac = '52:54:00:00:00:01', address, atEnd = 'halt' }: TinyGuest): Buffer {
  const disk = Buffer.alloc(DISK_BYTES);
  Buffer.concat([CODE, atEnd === 'halt' ? HALT : RESTART]).copy(disk);
  disk.write(`\r\n${text.slice(0, 185)}`, TEXT_AT, 'latin1');
  const source = mac.replaceAll(':', '');
  // Broadcast. Without an address, the EtherType is 0x88b5, which is reserved for local experiments.
  const frame = address === undefined ? `ffffffffffff${source}88b5` : arpRequest(source, address);
  Buffer.from(frame, 'hex').copy(disk, FRAME_AT);
  disk.writeUInt16BE(0x55aa, 510);
  return disk;
}

/** Builds an ARP request for Ethernet and IPv4 (RFC 826). */
function arpRequest(source: string, address: string): string {
  const sender = Buffer.from(address.split('.').map(Number));
  const target = Buffer.from([...sender.subarray(0, 3), (sender.at(3) ?? 0) + 1]);
  return `ffffffffffff${source}08060001080006040001${source}${sender.toString('hex')}000000000000${target.toString('hex')}`;
}
