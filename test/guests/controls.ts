import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Guest } from './guest-cache.ts';
import { readReport, type GuestReport } from './guest-report.ts';
import { freshVariables, machineArgs, type Hardware } from './machine.ts';
import { runMachine } from './run-machine.ts';

/** The result of booting a guest on some hardware. */
export interface Control {
  /** Whether the guest reached its last systemd unit. */
  booted: boolean;
  /** State by the guest's name of the NIC: `{ ens192: 'up' }`. */
  cards: Record<string, string>;
  kernel: string | undefined;
  /** The guest's report about itself after the boot. */
  report: GuestReport | undefined;
  /** For each NIC, in order, whether it sent a frame. */
  talked: boolean[];
  /** The console text that ended the run: the guest's report or a sign of failure. Undefined after a timeout. */
  sign: string | undefined;
  seconds: number;
  /** The last part of the serial console's output. */
  serialEnd: string;
}

const FIRST_FRAME_MS = 60_000;
// Includes the character after the report, because the console's text arrives in pieces.
const READY = /guest-ready((?: \S+=\S+)*) kernel=(\S+)(?=\s)/;

// The last output of a failed boot: from initramfs-tools, dracut and systemd, the kernel, BIOS firmware and UEFI
// firmware.
const FAILURES = [
  /\(initramfs\) /,
  /Entering emergency mode|You are in emergency mode|Cannot open access to console, the root account is locked/,
  /Kernel panic - not syncing.*/,
  /No bootable device/,
  /No bootable option or device was found|Shell> /,
];

// Debian's initramfs and systemd ask for a volume's passphrase. A control sequence can follow the prompt.
const PASSPHRASE_PROMPT = /Please unlock disk \S+:|Please enter passphrase for disk [^\n]*:/;

/**
 * Boots a built guest without changing its disks. Types the recipe's passphrase on the serial console when the guest
 * asks for it.
 */
export async function runControl(guest: Guest, hardware: Hardware, timeLimitMs: number): Promise<Control> {
  const folder = await mkdtemp(join(tmpdir(), 'control-'));
  try {
    const fresh = freshVariables(guest.recipe);
    const variables = fresh === undefined ? undefined : join(folder, 'variables.fd');
    if (fresh !== undefined && variables !== undefined) await copyFile(fresh, variables);
    const args = machineArgs(guest.recipe, hardware, { disks: guest.disks, variables, frames: folder });
    const talked = (): Promise<boolean[]> =>
      Promise.all(
        guest.recipe.networkAdapters.map((card, index) =>
          hasFrameOf(join(folder, `net${index}.pcap`), card.macAddress),
        ),
      );
    const { passphrase } = guest.recipe;
    const { serial, match, seconds } = await runMachine(args, {
      awaited: [READY, ...FAILURES],
      timeLimitMs,
      ...(passphrase === undefined ? {} : { answer: { prompt: PASSPHRASE_PROMPT, line: passphrase } }),
      // The guest reports when its NICs are up. Its DHCP client sends the first frame a moment later.
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

/** Whether a pcap file contains a frame that this NIC sent. */
async function hasFrameOf(path: string, macAddress: string): Promise<boolean> {
  const file = await readFile(path);
  const sender = macAddress.replaceAll(':', '');
  // A file header of 24 bytes. Before each frame there is a header of 16 bytes, whose third word is the captured
  // length.
  for (let offset = 24; offset + 16 <= file.length;) {
    const frame = offset + 16;
    if (file.subarray(frame + 6, frame + 12).toString('hex') === sender) return true;
    offset = frame + file.readUInt32LE(offset + 8);
  }
  return false;
}
