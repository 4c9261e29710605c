import { createWriteStream } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { expect, test } from '@jest/globals';
import { ConsoleLines } from '../../../../src/guest/boot/observe/console-lines.ts';
import { failedUnit, signOf, type ConsoleSign } from '../../../../src/guest/boot/observe/console-signs.ts';
import { ConsoleWatcher } from '../../../../src/guest/boot/observe/console-watcher.ts';
import { makeTemporaryFolder } from '../../../temporary-folder.ts';

const ESC = '\u001b';

test.each<[ConsoleSign | undefined, string]>([
  ['login-prompt', 'web-01 login: '],
  ['login-prompt', 'login: '],
  ['login-prompt', 'web-01 login: [   12.345678] cloud-init[401]: done'],
  ['login-prompt', 'web-01 login: root (automatic login)'],
  [undefined, 'Last login: Mon Nov 16 09:00:00 UTC 2026 on ttyS0'],
  [undefined, '[  OK  ] Reached target getty.target - Login Prompts.'],
  [undefined, 'systemd-logind: new login: session 1'],
  ['kernel-panic', '[    2.1] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)'],
  ['kernel-panic', '[    0.9] ---[ end Kernel panic - not syncing: No working init found. ]---'],
  ['initramfs-shell', '(initramfs) '],
  ['initramfs-shell', 'You are now being dropped into an emergency shell.'],
  ['dracut-shell', 'Entering emergency mode. Exit the shell to continue.'],
  ['dracut-shell', 'dracut:/# '],
  ['emergency-mode', 'You are in emergency mode. After logging in, type "journalctl -xb" to view'],
  ['emergency-mode', 'Give root password for maintenance'],
  [undefined, '[  OK  ] Stopped emergency.service - Emergency Shell.'],
  ['grub-rescue', 'grub rescue> '],
  ['grub-shell', 'grub> '],
  [undefined, 'GRUB loading.'],
  ['no-boot-device', 'No bootable device.'],
  [undefined, 'Boot failed: not a bootable disk'],
  ['no-boot-device', 'BdsDxe: No bootable option or device was found.'],
  ['uefi-shell', 'Shell> '],
  [undefined, 'UEFI Interactive Shell v2.2'],
  ['no-boot-loader', 'Missing operating system'],
  ['windows-boot-error', 'BOOTMGR is missing'],
])('%s: %s', (sign, line) => {
  expect(signOf(line)).toBe(sign);
});

test.each([
  ['[FAILED] Failed to mount data.mount - /data.', 'Failed to mount data.mount - /data.'],
  [
    '[ TIME ] Timed out waiting for device dev-sdb1.device - /dev/sdb1.',
    'Timed out waiting for device dev-sdb1.device - /dev/sdb1.',
  ],
  ['         [DEPEND] Dependency failed for /data.  ', 'Dependency failed for /data.'],
  [
    '[   93.217] systemd[1]: Failed to start networking.service - Raise network interfaces.',
    'Failed to start networking.service - Raise network interfaces.',
  ],
  ['[  OK  ] Reached target local-fs.target - Local File Systems.', undefined],
  ['[  *** ] Job dev-sdb1.device/start running (1min 2s / 1min 30s)', undefined],
  ['See "systemctl status data.mount" for details.', undefined],
])('%s: the unit that failed', (line, unit) => {
  expect(failedUnit(line)).toBe(unit);
});

test('failed units are each kept once, complete, and forgotten when the guest starts anew', async () => {
  const folder = await makeTemporaryFolder('console-');
  try {
    const log = createWriteStream(join(folder, 'log'));
    const watcher = new ConsoleWatcher(log, () => {});
    const line = `[${ESC}[0;1;31mFAILED${ESC}[0m] Failed to mount ${'x'.repeat(300)}.\r\n`;
    for (const at of [0, 20, 200])
      watcher.take(Buffer.from(line.slice(at, at === 200 ? undefined : at === 0 ? 20 : 200)));
    watcher.take(Buffer.from(line + '[FAILED] Failed to'));
    expect(watcher.failedUnits).toEqual([`Failed to mount ${'x'.repeat(300)}.`]);
    watcher.forget();
    expect(watcher.failedUnits).toEqual([]);
    log.end();
    await finished(log);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('lines come the same in pieces of any size, without escape sequences', () => {
  const text = `${ESC}c${ESC}[?7l${ESC}[2JSeaBIOS\r\n${ESC}[1;31mred${ESC}[0m line\r\n${ESC}]0;title\u0007wéb${ESC}(B login: `;
  const bytes = Buffer.from(text);
  for (const size of [1, 2, 7, bytes.length]) {
    const lines = new ConsoleLines();
    const seen: string[] = [];
    for (let at = 0; at < bytes.length; at += size) seen.push(...lines.linesIn(bytes.subarray(at, at + size)));
    expect(seen.filter((line, index) => !seen[index + 1]?.startsWith(line))).toEqual([
      'SeaBIOS',
      'red line',
      'wéb login: ',
    ]);
    expect(lines.isOpen).toBe(true);
  }
});

test('a cursor that moves begins a line: GRUB paints its prompt somewhere on the screen', () => {
  const lines = new ConsoleLines().linesIn(Buffer.from(`error: no such device.${ESC}[24;1Hgrub rescue> `));
  expect(lines).toEqual(['error: no such device.', 'grub rescue> ']);
});

test('a line without end, and an escape without end, do not grow', () => {
  const lines = new ConsoleLines();
  const seen = lines.linesIn(Buffer.alloc(100_000, 'x'));
  expect(Math.max(...seen.map((line) => line.length))).toBeLessThanOrEqual(4096);
  lines.linesIn(Buffer.from(`\n${ESC}[${'1'.repeat(100_000)}`));
  expect(lines.linesIn(Buffer.from('\nhost login: '))).toContain('host login: ');
});

test('the log holds what was written as it is, up to its limit; a sign is told once, the last lines stand ready', async () => {
  const folder = await makeTemporaryFolder('h2k-console-');
  try {
    const path = join(folder, 'serial.log');
    const log = createWriteStream(path);
    const told: string[] = [];
    const watcher = new ConsoleWatcher(log, (sign, line) => told.push(`${sign}: ${line}`));
    for (const piece of ['a\r\nb', '\r\nwe', 'b login: ', '\r\nweb login: ']) watcher.take(Buffer.from(piece));
    expect(told).toEqual(['login-prompt: web login:']);
    expect(watcher.lastLines).toEqual(['a', 'b', 'web login: ', 'web login: ']);
    const rest = Buffer.alloc(2 ** 20, '\u{1b}[0m\n');
    for (let mib = 0; mib < 17; mib++) watcher.take(rest);
    watcher.forget();
    watcher.take(Buffer.from('\r\nweb login: '));
    expect(told).toHaveLength(2);
    await finished(log.end());
    const bytes = await readFile(path);
    expect(bytes.subarray(0, 16).toString()).toBe('a\r\nb\r\nweb login:');
    expect(bytes).toHaveLength(16 * 2 ** 20);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a prompt for a passphrase is told each time that it comes, and once while it stands there', async () => {
  const folder = await makeTemporaryFolder('h2k-console-');
  try {
    const log = createWriteStream(join(folder, 'serial.log'));
    const told: string[] = [];
    const watcher = new ConsoleWatcher(log, (sign, line) => told.push(`${sign}: ${line}`));
    const prompt = 'Please unlock disk sda3_crypt: ';
    const pieces = [
      'Please unl',
      'ock disk sda3_crypt',
      ': ',
      '\r\ncryptsetup: ERROR: bad password\r\n',
      prompt,
      '\r\n',
    ];
    for (const piece of pieces) watcher.take(Buffer.from(piece));
    expect(told).toEqual(Array.from({ length: 2 }, () => `passphrase-prompt: ${prompt.trim()}`));
    await finished(log.end());
  } finally {
    await rm(folder, { recursive: true });
  }
});

test.each([
  'Please unlock disk sda3_crypt: ',
  '🔐 Please enter passphrase for disk VIRTUAL-DISK (home) on /home: (press TAB for no echo) ',
  'Enter passphrase for /dev/sda3: ',
  'Enter passphrase for hd0,gpt2 (0f6d1c5e2b7a4f39): ',
])('%s is a prompt for a passphrase', (line) => {
  expect(signOf(line)).toBe('passphrase-prompt');
});
