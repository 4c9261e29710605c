/** /etc/default/grub of all guests: the kernel and its panics are heard on the serial console. */
export const consoleSettings = `GRUB_DEFAULT=0
GRUB_TIMEOUT=1
GRUB_DISTRIBUTOR=Debian
GRUB_DISABLE_OS_PROBER=true
GRUB_CMDLINE_LINUX_DEFAULT="console=tty0 console=ttyS0"
`;

/** /etc/network/interfaces as Debian's installer writes it. */
export function ifupdown(...names: readonly string[]): string {
  const cards = names.map((name) => `\nallow-hotplug ${name}\niface ${name} inet dhcp\n`);
  return `auto lo\niface lo inet loopback\n${cards.join('')}`;
}

/** guestfish commands for a guest with `ext4Root`. */
export const ROOT_AND_SWAP = 'mkswap /dev/sda2\n    mount /dev/sda1 /';

/** guestfish commands: a GPT with an EFI system partition and the rest in a second one. */
export const ESP_AND_REST = `
    part-init /dev/sda gpt
    part-add /dev/sda p 2048 133119
    part-set-gpt-type /dev/sda 1 C12A7328-F81F-11D2-BA4B-00A0C93EC93B
    part-add /dev/sda p 133120 -2048
    mkfs vfat /dev/sda1`;

/** A line of fstab that names a partition of `$disk` by its UUID. For `install`. */
export function byUuid(partition: 1 | 2, mountPoint: string, type: string, options = 'defaults'): string {
  const uuid = `$(blkid -s UUID -o value "$disk"${partition})`;
  return `echo "UUID=${uuid} ${mountPoint} ${type} ${options} 0 0" >>/etc/fstab`;
}

/** Installs GRUB into the EFI system partition, also where firmware looks that has no entry for it. */
export const UEFI_GRUB =
  'grub-install --target=x86_64-efi --efi-directory=/boot/efi --no-nvram --force-extra-removable; update-grub';

/** Installs GRUB into the MBR. */
export const BIOS_GRUB = 'grub-install "$disk"; update-grub';

/** The same, with `root=` by the name that the device has in the guest. */
export function biosGrubWithRoot(name: string): string {
  return `${BIOS_GRUB}; sed -i 's,root=/dev/sd[a-z]1,root=${name},' /boot/grub/grub.cfg`;
}

/**
 * Shell commands: builds the initramfs of a kernel with the modules that `MODULES=dep` picks on VMware's hardware, and
 * leaves `MODULES=dep` in the configuration. Named by hand because that setting looks at the host that it runs on.
 */
export function vmwareInitramfs(kernel: string, modules = 'mptspi mptsas vmw_pvscsi sd_mod ext4 dm_mod'): string {
  return `
    cp /etc/initramfs-tools/modules /tmp/modules
    printf '%s\\n' ${modules} >>/etc/initramfs-tools/modules
    sed -i 's/^MODULES=.*/MODULES=list/' /etc/initramfs-tools/initramfs.conf
    update-initramfs -u -k ${kernel}
    mv /tmp/modules /etc/initramfs-tools/modules
    sed -i 's/^MODULES=.*/MODULES=dep/' /etc/initramfs-tools/initramfs.conf`;
}
