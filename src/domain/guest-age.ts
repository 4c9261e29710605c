/** The hardware that a guest's operating system is known to support, derived from its id. */
export interface GuestAge {
  isWindows: boolean;
  /** Windows 7 and Server 2008 R2 or newer: earlier versions fail with some Hyper-V enlightenments. */
  knowsHyperV: boolean;
  /** The guest has an AHCI driver and boots from q35. */
  knowsSata: boolean;
  /** The best Intel or AMD NIC for which the operating system ships a driver. */
  nic: 'e1000e' | 'e1000' | 'pcnet';
  /** A Linux with a driver for virtio-gpu (kernel 4.2 and newer). False if the id does not say which release it is. */
  knowsVirtioGpu: boolean;
}

/**
 * Systems without a driver for Intel's gigabit NICs, but with one for AMD's, which VMware emulated for them. VMware's
 * spelling, then VirtualBox's if it differs.
 */
const ANCIENT =
  'dos os2 ecomstation netware openserver unixware solaris6 solaris7 solaris8 solaris9 win31 win95 win98 winme winnt win2000 windows31 windows95 windows98 windowsme windowsnt3 windowsnt4 windows2000'.split(
    ' ',
  );

/** Windows XP and Server 2003 (`winNet…`); Linux 2.4 and distributions of that time. */
const OLD =
  'winxp winnet windowsxp windows2003 rhel2 rhel3 rhel4 redhatguest redhat3 redhat4 slesguest sles64guest suse nld9 oes mandrake turbolinux other24xlinux linux22 linux24'.split(
    ' ',
  );

/**
 * Distributions whose oldest release with this id has kernel 4.2 or newer. `ubuntu64Guest` covers all releases, of which
 * those since 16.04 do.
 */
const WITH_VIRTIO_GPU =
  /^(?:(?:rhel|centos|oraclelinux)-?(?:[89]|1\d)|debian(?:9|1\d)|sles1[5-9]|fedora|ubuntu|opensuse|rockylinux|almalinux|amazonlinux|vmwarephoton|other-?[456]xlinux)/;

/** Windows Vista and Server 2008. */
const BEFORE_HYPERV = /^(winvista|winlonghorn|windowsvista|windows2008(_64)?$)/;

/**
 * Recognizes VMware's ids (`VirtualMachineGuestOsIdentifier`, or as in a `.vmx`) and VirtualBox's. An unknown or
 * missing id means a current system.
 */
export function guestAge(guestId: string | undefined): GuestAge {
  const id = (guestId ?? '').toLowerCase();
  // `winNetStandardGuest` is Server 2003, not NT.
  const isOld = startsWithOne(id, OLD);
  const isAncient = !isOld && startsWithOne(id, ANCIENT);
  const isWindows = id.startsWith('win');
  return {
    isWindows,
    knowsHyperV: isWindows && !isOld && !isAncient && !BEFORE_HYPERV.test(id),
    knowsSata: !isOld && !isAncient,
    knowsVirtioGpu: WITH_VIRTIO_GPU.test(id),
    nic: isAncient ? 'pcnet' : isOld ? 'e1000' : 'e1000e',
  };
}

function startsWithOne(id: string, starts: readonly string[]): boolean {
  return starts.some((start) => id.startsWith(start));
}
