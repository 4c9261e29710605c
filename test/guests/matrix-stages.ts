import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { blockingChecks, checkLine, type BootReport, type CheckVerdict } from '../../src/guest/contract/boot-check.ts';
import { outputOf, runProgram, type ProgramResult } from '../oracles/run-program.ts';
import { runControl, type Control } from './controls.ts';
import type { Guest } from './guest-cache.ts';
import { reachedGateways, type GuestReport } from './guest-report.ts';
import { judgeGuest } from './judge-guest.ts';
import { ACCELERATOR, type Hardware } from './machine.ts';
import { cardName } from './recipe.ts';

/** The result of booting a guest on a VM of `machine.ts`, which shares no code with the program. */
export interface MatrixBoot {
  boots: boolean;
  /** State by the guest's own names of the NICs. */
  cards: Record<string, string>;
  /** Whether every NIC is up under the name that it had on VMware, sent a frame, and reaches its gateway. */
  networkKept: boolean;
  /** The guest's report; undefined if it did not boot. */
  report: GuestReport | undefined;
  /** The console text that ended the run. */
  sign: string | undefined;
  seconds: number;
  /** The last part of the serial console's output; undefined if the boot succeeded with all NICs. */
  serialEnd?: string;
}

/** The boot contract's verdict, with the failed checks. */
export interface Judgement {
  verdict: CheckVerdict;
  /** For example `/etc/fstab:3: ...`. */
  reasons: string[];
}

export interface PlanResult {
  changes: number;
  /** The verdict on the unchanged guest. */
  before: Judgement;
  /** The verdict on the guest as it would be after the fix. */
  after: Judgement;
  /** Whether the source's files are byte-identical afterwards, and nothing was written. */
  changedNothing: boolean;
}

export interface FixResult {
  /** Duration of `convert` including the fix, without the boot test. */
  convertSeconds: number;
  hardware: string;
  contract: Judgement;
  /** The boot test result of `convert --boot-test`. */
  bootTest: BootTestResult;
  sourceUnchanged: boolean;
  boot: MatrixBoot;
}

/** `convert --fix require` refused to convert the guest. */
export interface Refusal {
  refused: Judgement;
}

interface BootTestResult {
  verdict: string;
  networkUp: boolean | null;
  seconds: number;
}

export interface VirtV2vResult {
  seconds: number;
  /** virt-v2v's error if it failed, in which case there is no boot. */
  error: string | undefined;
  boot: MatrixBoot | undefined;
}

const CLI = fileURLToPath(new URL('../../bin/run.js', import.meta.url));
// Enough for an emulated appliance, without KVM on a busy host, that builds an initramfs on an encrypted volume.
const TIME_LIMIT_MS = 60 * 60_000;
const LIBGUESTFS = {
  LIBGUESTFS_BACKEND: 'direct',
  LIBGUESTFS_BACKEND_SETTINGS: ACCELERATOR === 'tcg' ? 'force_tcg' : '',
};

/** Boots the unchanged guest, on the hardware that it had on VMware or on virtio. */
export async function bootAsIs(guest: Guest, kind: 'vmware' | 'virtio'): Promise<MatrixBoot> {
  return bootOn(guest, { disks: kind, network: kind });
}

async function bootOn(guest: Guest, hardware: Hardware): Promise<MatrixBoot> {
  return summary(guest, await runControl(guest, hardware, TIME_LIMIT_MS));
}

/** Runs `convert --fix-plan` on the package of a guest. */
export async function planFix(guest: Guest, descriptor: string, folder: string): Promise<PlanResult> {
  const hashesBefore = await hashesOf(dirname(descriptor));
  const keys = await keyOptions(guest, folder);
  const args = ['convert', descriptor, '--fix', 'require', '--fix-plan', ...keys, '-o', `${folder}/`];
  const { changes, bootBefore, boot } = resultOf(await runOwn(args)).guest;
  const hashesAfter = await hashesOf(dirname(descriptor));
  const left = await readdir(folder).catch(() => []);
  return {
    changes: changes.length,
    before: judgementOf(bootBefore),
    after: judgementOf(boot),
    changedNothing: hashesBefore === hashesAfter && left.length === 0,
  };
}

/** A guest that `convert --fix require` converted. */
export interface ConvertedGuest {
  domain: string;
  disks: string[];
  hardware: string;
  seconds: number;
  contract: Judgement;
  /** Undefined without `--boot-test`. */
  bootTest: BootTestResult | undefined;
  sourceUnchanged: boolean;
}

/** Runs `convert --fix require` on the package of a guest, into `folder`, with the additional options `more`. */
export async function convertGuest(
  guest: Guest,
  descriptor: string,
  folder: string,
  ...more: readonly string[]
): Promise<ConvertedGuest | Refusal> {
  const before = await hashesOf(dirname(descriptor));
  const keys = await keyOptions(guest, folder);
  const args = ['convert', descriptor, '--fix', 'require', '--hardware', 'auto', ...keys, ...more, '-o', `${folder}/`];
  const document = await runOwn(args);
  const boot = document.error?.details?.boot;
  if (boot !== undefined) return { refused: judgementOf(boot) };
  const result = resultOf(document);
  return {
    domain: result.domain,
    disks: result.disks.map(({ path }) => path),
    hardware: result.hardware.kind,
    seconds: result.seconds,
    contract: judgementOf(result.guest.boot),
    bootTest: result.bootTest,
    sourceUnchanged: before === (await hashesOf(dirname(descriptor))),
  };
}

/**
 * Runs `convert --fix require --boot-test` on the package of a guest, into `folder`. Then boots the result without the
 * program.
 */
export async function convertAndBoot(guest: Guest, descriptor: string, folder: string): Promise<FixResult | Refusal> {
  const converted = await convertGuest(guest, descriptor, folder, '--boot-test');
  if ('refused' in converted) return converted;
  const { domain, disks, hardware, contract, bootTest, seconds: convertSeconds, sourceUnchanged } = converted;
  if (bootTest === undefined) throw new Error(`${domain}: no boot test was made`);
  // The kernel's NIC names follow the addresses that the domain assigns.
  const cardOrder = orderOfNics(await readFile(domain, 'utf8'));
  const boot = await bootOn(await withDisks(guest, disks), { disks: 'virtio', network: 'virtio', cardOrder });
  return { convertSeconds, hardware, contract, bootTest, sourceUnchanged, boot };
}

/**
 * Returns the MAC addresses of a domain's NICs, sorted by PCI address. NICs without an address come last, in document
 * order.
 */
export function orderOfNics(domain: string): string[] {
  const nics = [...domain.matchAll(/<interface .*?<\/interface>/gs)].map(([nic]) => {
    const number = (name: string): number =>
      Number(new RegExp(`<address type=["']pci["'][^>]*\\b${name}=["'](\\w+)`).exec(nic)?.[1]);
    const place = number('bus') * 2 ** 16 + number('slot') * 2 ** 8 + number('function');
    return { mac: /<mac address=["']([^"']+)/.exec(nic)?.[1] ?? '', place: Number.isNaN(place) ? Infinity : place };
  });
  return nics
    .toSorted((one, other) => (one.place < other.place ? -1 : one.place > other.place ? 1 : 0))
    .map(({ mac }) => mac);
}

/** Runs `virt-v2v` on the same package, into the existing `folder`, and boots the result in the same way. */
export async function virtV2vAndBoot(guest: Guest, descriptor: string, folder: string): Promise<VirtV2vResult> {
  const startedMs = performance.now();
  const args = ['-i', 'ova', dirname(descriptor), '-o', 'local', '-os', folder, '-of', 'qcow2'];
  args.push(...(await keyOptions(guest, folder)));
  const ended = await runProgram('virt-v2v', args, LIBGUESTFS, TIME_LIMIT_MS);
  const seconds = (performance.now() - startedMs) / 1000;
  if (ended.exitCode !== 0) return { seconds, error: errorOf(ended), boot: undefined };
  const disks = (await readdir(folder)).filter((name) => !name.endsWith('.xml')).map((name) => join(folder, name));
  return { seconds, error: undefined, boot: await bootAsIs(await withDisks(guest, disks), 'virtio') };
}

/** Returns the contract's verdict on the unchanged guest. `folder` must not exist. */
export async function judgeAsIs(guest: Guest, folder: string): Promise<Judgement> {
  return judgeGuest(guest, LIBGUESTFS, await keyFileOf(guest, folder));
}

/** Returns the options that pass the passphrase of an encrypted guest; empty for other guests. */
async function keyOptions(guest: Guest, folder: string): Promise<string[]> {
  const path = await keyFileOf(guest, folder);
  return path === undefined ? [] : ['--key', `all:file:${path}`];
}

/** Writes the passphrase of an encrypted guest into a file next to the result folder, and returns its path. */
async function keyFileOf({ recipe }: Guest, folder: string): Promise<string | undefined> {
  if (recipe.passphrase === undefined) return undefined;
  const path = `${folder}.key`;
  await writeFile(path, recipe.passphrase, { mode: 0o600 });
  return path;
}

interface OwnResult {
  domain: string;
  disks: { path: string }[];
  hardware: { kind: string };
  guest: { changes: unknown[]; boot: BootReport; bootBefore?: BootReport };
  seconds: number;
  bootTest?: BootTestResult;
}

interface OwnDocument {
  result?: OwnResult;
  error?: { message: string; details?: { boot?: BootReport } };
}

/** Runs the built program. A guest that does not boot is also a valid result. */
async function runOwn(args: readonly string[]): Promise<OwnDocument> {
  const ended = await runProgram(process.execPath, [CLI, ...args, '--json'], LIBGUESTFS, TIME_LIMIT_MS);
  return JSON.parse(ended.stdout) as OwnDocument;
}

function resultOf({ result, error }: OwnDocument): OwnResult {
  if (result === undefined) throw new Error(`hyper2kvm: ${error?.message}`);
  return result;
}

function judgementOf(report: BootReport | undefined): Judgement {
  if (report === undefined) throw new Error('the boot contract was not checked');
  return { verdict: report.verdict, reasons: blockingChecks(report).map(checkLine) };
}

function summary({ recipe }: Guest, { booted, cards, talked, report, sign, seconds, serialEnd }: Control): MatrixBoot {
  const isUp = recipe.networkAdapters.every(
    (card) => cards[cardName(card)] === 'up' && report?.nics[card.macAddress]?.name === cardName(card),
  );
  const networkKept =
    isUp && talked.every(Boolean) && report !== undefined && Object.values(reachedGateways(report)).every(Boolean);
  return { boots: booted, cards, networkKept, report, sign, seconds, ...(networkKept ? {} : { serialEnd }) };
}

/**
 * Returns the guest with other disk images. They are matched by size, because each program orders the disks
 * differently.
 */
async function withDisks(guest: Guest, images: readonly string[]): Promise<Guest> {
  const sizes = new Map<number, string>();
  for (const image of images) {
    const facts = JSON.parse(await outputOf('qemu-img', ['info', '--output=json', image])) as Record<string, number>;
    sizes.set(facts['virtual-size'] ?? 0, image);
  }
  const disks = guest.recipe.disks.map((disk) => {
    const image = sizes.get(disk.sizeMiB * 2 ** 20);
    if (image === undefined) throw new Error(`none of ${images.join(', ')} has ${disk.sizeMiB} MiB`);
    return image;
  });
  return { ...guest, disks };
}

function errorOf({ exitCode, stdout, stderr }: ProgramResult): string {
  const lines = `${stdout}\n${stderr}`.split('\n');
  const error = lines.findIndex((line) => line.startsWith('virt-v2v: error:'));
  if (error === -1) return `ended with ${exitCode}`;
  const end = lines.findIndex((line, index) => index > error && line.trim() === '');
  return lines.slice(error, end).join(' ').replace('virt-v2v: error: ', '');
}

/** Returns the SHA-256 of all files in a folder, by name. */
async function hashesOf(folder: string): Promise<string> {
  const rows: string[] = [];
  for (const name of (await readdir(folder)).toSorted()) {
    const hash = createHash('sha256');
    await pipeline(createReadStream(join(folder, name)), hash);
    rows.push(`${hash.digest('hex')} ${name}`);
  }
  return rows.join('\n');
}
