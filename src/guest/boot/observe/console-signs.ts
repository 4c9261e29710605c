/** What a console line can indicate about the boot. */
export type ConsoleSign =
  | 'login-prompt'
  | 'passphrase-prompt'
  | 'kernel-panic'
  | 'initramfs-shell'
  | 'dracut-shell'
  | 'emergency-mode'
  | 'grub-rescue'
  | 'grub-shell'
  | 'no-boot-device'
  | 'no-boot-loader'
  | 'uefi-shell'
  | 'windows-boot-error';

export type FailureSign = Exclude<ConsoleSign, 'login-prompt'>;

/** The description of each failure for people. */
export const FAILURE_WORDS: Readonly<Record<FailureSign, string>> = {
  'passphrase-prompt': 'it asks for the passphrase of an encrypted volume',
  'kernel-panic': 'kernel panic',
  'initramfs-shell': 'initramfs shell: the root file system was not found',
  'dracut-shell': 'dracut emergency shell: the root file system was not found',
  'emergency-mode': 'emergency mode: a file system or a unit that the boot needs failed',
  'grub-rescue': 'GRUB rescue shell: GRUB does not find its files',
  'grub-shell': 'GRUB shell: GRUB found no menu',
  'no-boot-device': 'no bootable device',
  'no-boot-loader': 'the boot code of the disk found no operating system',
  'uefi-shell': 'the UEFI shell: no boot loader was found',
  'windows-boot-error': 'the Windows boot loader stopped with an error',
};

/**
 * Patterns for whole lines without escape sequences; the first match decides. They follow the sources of the programs
 * that print the lines. A prompt has no line end and may be followed by a kernel message.
 */
const PATTERNS: readonly (readonly [ConsoleSign, RegExp])[] = [
  // agetty, BSD's getty, BusyBox; agetty with --autologin. Not "Last login: Mon ...".
  ['login-prompt', /^(?!last login)(?:\S+ )?login: *(?:$|\[|\S+ \(automatic login\))/i],
  // Debian's initramfs; systemd, also in dracut's; cryptsetup and GRUB.
  ['passphrase-prompt', /Please unlock disk \S+:|Please enter passphrase for disk [^:]+:/],
  ['passphrase-prompt', /^Enter passphrase for [^:]+:/],
  ['kernel-panic', /Kernel panic - not syncing/],
  // initramfs-tools; mkinitcpio.
  ['initramfs-shell', /^\(initramfs\)/],
  ['initramfs-shell', /^You are now being dropped into an emergency shell\.|^\[rootfs [^\]]*\]# ?/],
  // dracut, with and without systemd.
  ['dracut-shell', /^dracut:\/?# ?|Entering emergency mode\. Exit the shell to continue|^switch_root:\/# ?/],
  ['dracut-shell', /Generating "\/run\/initramfs\/rdsosreport\.txt"/],
  ['emergency-mode', /^(?:Welcome to|You are in) (?:emergency|rescue) mode/i],
  ['emergency-mode', /^Give root password for (?:maintenance|system maintenance)/],
  ['grub-rescue', /^grub rescue>/],
  ['grub-shell', /^grub> ?|^ *Minimal BASH-like line editing is supported/],
  // SeaBIOS; OVMF.
  ['no-boot-device', /^No bootable device\.|^BdsDxe: No bootable option or device was found/],
  ['no-boot-loader', /^(?:Missing operating system|Error loading operating system|Operating system not found)/i],
  ['no-boot-loader', /^Non-system disk|^This is not a bootable disk|^MBR-?: no active partition/i],
  ['uefi-shell', /^Shell> ?/],
  ['windows-boot-error', /^(?:BOOTMGR|NTLDR) is missing|^A disk read error occurred|^Windows failed to start\./],
];

/** The sign in a console line; undefined if there is none. */
export function signOf(line: string): ConsoleSign | undefined {
  return PATTERNS.find(([, pattern]) => pattern.test(line))?.[0];
}

/**
 * systemd's lines about failed units: its status on the console (`[FAILED]`, `[DEPEND]`, `[ TIME ]`), and its log
 * messages that reach the console through the kernel.
 */
const FAILED_UNIT = [
  /^\s*\[\s*(?:FAILED|DEPEND|TIME)\s*\]\s+(.+?)\s*$/,
  /\bsystemd\[1\]: ((?:Failed to (?:start|mount|activate|listen)|Timed out waiting for|Dependency failed for) .+?)\s*$/,
];

/** The line's message about a failed systemd unit; undefined if there is none. */
export function failedUnit(line: string): string | undefined {
  for (const pattern of FAILED_UNIT) {
    const [, text] = pattern.exec(line) ?? [];
    if (text !== undefined) return text;
  }
  return undefined;
}
