/** /etc/default/grub of all guests. The kernel's output, including panics, goes to the serial console. */
export const consoleSettings = `GRUB_DEFAULT=0
GRUB_TIMEOUT=1
GRUB_DISTRIBUTOR=Debian
GRUB_DISABLE_OS_PROBER=true
GRUB_CMDLINE_LINUX_DEFAULT="console=tty0 console=ttyS0"
`;

/** Returns /etc/network/interfaces as Debian's installer writes it. */
export function ifupdown(...names: readonly string[]): string {
  const cards = names.map((name) => `\nallow-hotplug ${name}\niface ${name} inet dhcp\n`);
  return `auto lo\niface lo inet loopback\n${cards.join('')}`;
}

/** Returns files that make systemd-networkd use DHCP on NICs with these names. */
export function networkd(...names: readonly string[]): Record<string, string> {
  const network = `[Match]\nName=${names.join(' ')}\n\n[Network]\nDHCP=yes\n`;
  return { '/etc/systemd/network/10-lan.network': network };
}

/** guestfish commands for a guest with `ext4Root`. */
export const ROOT_AND_SWAP = 'mkswap /dev/sda2\n    mount /dev/sda1 /';

/**
 * A 2 GiB root on LVM, on the only partition of the first disk; for `ext4Root` and `layout`. The root is filled at the
 * place of the volume's first extent, 1 MiB into the partition.
 */
export const ROOT_IN_LVM = {
  place: { partitions: ['label: dos', 'start=1MiB, type=8e, bootable'], startMiB: 1, offsetMiB: 1, sizeMiB: 1920 },
  layout: `
    pvcreate /dev/sda1
    vgcreate system /dev/sda1
    ${inAppliance('lvcreate -y -Zn -Wn -n root -L 1920M system')}`,
} as const;

/** guestfish commands that create a GPT with an EFI system partition, and a second partition in the remaining space. */
export const ESP_AND_REST = `
    part-init /dev/sda gpt
    part-add /dev/sda p 2048 133119
    part-set-gpt-type /dev/sda 1 C12A7328-F81F-11D2-BA4B-00A0C93EC93B
    part-add /dev/sda p 133120 -2048
    mkfs vfat /dev/sda1`;

/**
 * A GPT with an EFI system partition that has space for kernels, and the root in a second partition; for `ext4Root` and
 * `layout`. Size: 2304 MiB.
 */
export const ROOT_BEHIND_ESP = {
  place: {
    partitions: ['label: gpt', 'start=1MiB, size=256MiB, type=uefi', 'start=257MiB, size=2040MiB, type=linux'],
    startMiB: 257,
    sizeMiB: 2040,
  },
  layout: `
    mkfs vfat /dev/sda1
    mount /dev/sda2 /
    mkdir-p /boot/efi
    mount /dev/sda1 /boot/efi`,
} as const;

/** guestfish commands that move /boot to a new ext4 file system and mount it. */
export function moveBoot(partition: string): string {
  return `
    mkdir /new-boot
    mount ${partition} /new-boot
    debug sh "cp -a /sysroot/boot/. /sysroot/new-boot/ && rm -r /sysroot/boot && mkdir /sysroot/boot"
    umount /new-boot
    rmdir /new-boot
    mount ${partition} /boot`;
}

/** Returns a line of fstab that names a partition of `$disk` by its UUID. For `install`. */
export function byUuid(partition: 1 | 2, mountPoint: string, type: string, options = 'defaults'): string {
  const uuid = `$(blkid -s UUID -o value "$disk"${partition})`;
  return `echo "UUID=${uuid} ${mountPoint} ${type} ${options} 0 0" >>/etc/fstab`;
}

/** Installs GRUB into the EFI system partition, and also into the fallback path, for firmware without a boot entry. */
export const UEFI_GRUB =
  'grub-install --target=x86_64-efi --efi-directory=/boot/efi --no-nvram --force-extra-removable; update-grub';

/** Installs GRUB into the MBR. */
export const BIOS_GRUB = 'grub-install "$disk"; update-grub';

/** Installs GRUB into the MBR, with `root=` set to the device's name in the guest. */
export function biosGrubWithRoot(name: string): string {
  return `${BIOS_GRUB}; sed -i 's,root=/dev/sd[a-z]1,root=${name},' /boot/grub/grub.cfg`;
}

/**
 * Shell commands that build a kernel's initramfs with the modules that `MODULES=dep` selects on VMware's hardware, and
 * leave `MODULES=dep` in the configuration. The modules are listed explicitly, because that setting inspects the host
 * on which it runs.
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

/** Commands for the tree of a guest whose boot loader is not GRUB. */
export const NO_GRUB = 'apt-get purge -y grub-pc grub-pc-bin grub2-common grub-common';

/**
 * Returns a guestfish command that runs a shell command in the appliance. In the shell command, `scsi N` prints the
 * kernel's name of the recipe's disk N, counted from 0.
 */
export function inAppliance(command: string): string {
  const scsi = 'scsi() { readlink -f /dev/disk/by-path/*-scsi-0:0:$1:0; }';
  return `debug sh ${JSON.stringify(`${scsi}; ${command}`)}`;
}
