import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Guest } from './guest-cache.ts';
import { readReport, type GuestReport } from './guest-report.ts';
import { freshVariables, machineArgs, type Hardware } from './machine.ts';
import { runMachine } from './run-machine.ts';

/** What a guest did on some hardware. */
export interface Control {
  /** The guest came up as far as its last unit. */
  booted: boolean;
  /** State by the guest's own name of a card: `{ ens192: 'up' }`. */
  cards: Record<string, string>;
  kernel: string | undefined;
  /** What the guest printed about itself once it was up. */
  report: GuestReport | undefined;
  /** Cards, in their order, that sent a frame. */
  talked: boolean[];
  /** What ended the run: the guest's own report or a sign of failure; the time when undefined. */
  sign: string | undefined;
  seconds: number;
  /** The end of what the serial console said. */
  serialEnd: string;
}

const FIRST_FRAME_MS = 60_000;
// With what stands after it: the console's text comes in pieces.
const READY = /guest-ready((?: \S+=\S+)*) kernel=(\S+)(?=\s)/;

// What a failed start ends with: initramfs-tools, dracut and systemd, the kernel, the firmware with BIOS and UEFI.
const FAILURES = [
  /\(initramfs\) /,
  /Entering emergency mode|You are in emergency mode|Cannot open access to console, the root account is locked/,
  /Kernel panic - not syncing.*/,
  /No bootable device/,
  /No bootable option or device was found|Shell> /,
];

// Debian's initramfs and systemd ask for a volume's passphrase; the bytes after the question may be a control sequence.
const PASSPHRASE_PROMPT = /Please unlock disk \S+:|Please enter passphrase for disk [^\n]*:/;

/** Boots a built guest, whose disks stay as they are. The recipe's passphrase is typed on the serial console when it is asked for. */
export async function runControl(guest: Guest, hardware: Hardware, timeLimitMs: number): Promise<Control> {
  const folder = await mkdtemp(join(tmpdir(), 'control-'));
  try {
    const fresh = freshVariables(guest.recipe);
    const variables = fresh === undefined ? undefined : join(folder, 'variables.fd');
    if (fresh !== undefined && variables !== undefined) await copyFile(fresh, variables);
    const args = machineArgs(guest.recipe, hardware, { disks: guest.disks, variables, frames: folder });
    const talked = (): Promise<boolean[]> =>
      Promise.all(
        guest.recipe.networkCards.map((card, index) => hasFrameOf(join(folder, `net${index}.pcap`), card.macAddress)),
      );
    const { passphrase } = guest.recipe;
    const { serial, match, seconds } = await runMachine(args, {
      awaited: [READY, ...FAILURES],
      timeLimitMs,
      ...(passphrase === undefined ? {} : { answer: { prompt: PASSPHRASE_PROMPT, line: passphrase } }),
      // The guest speaks when its cards are up, and its DHCP client a moment later.
      settle: async (found) => {
        const end = Date.now() + FIRST_FRAME_MS;
        for (; found[0].includes('=up') && Date.now() < end; await setTimeout(500)) {
          if ((await talked()).every(Boolean)) return;
        }
      },
    });
    const ready = READY.exec(serial);
    const cards = (ready?.[1] ?? '')
      .trim()
      .split(' ')
      .filter((word) => word.includes('='));
    return {
      booted: ready !== null,
      cards: Object.fromEntries(cards.map((word) => word.split('=') as [string, string])),
      kernel: ready?.[2],
      report: readReport(serial),
      talked: await talked(),
      sign: match?.[0],
      seconds,
      serialEnd: serial.slice(-6000),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Whether a pcap file holds a frame that this card sent. */
async function hasFrameOf(path: string, macAddress: string): Promise<boolean> {
  const file = await readFile(path);
  const sender = macAddress.replaceAll(':', '');
  // A header of 24 bytes, then for each frame 16 bytes, of which the third word is its length in the file.
  for (let offset = 24; offset + 16 <= file.length;) {
    const frame = offset + 16;
    if (file.subarray(frame + 6, frame + 12).toString('hex') === sender) return true;
    offset = frame + file.readUInt32LE(offset + 8);
  }
  return false;
}
