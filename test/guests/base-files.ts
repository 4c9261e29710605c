/** Left out of every guest, so that its disk is quick to copy and its initramfs quick to build: no test needs them. */
const LEFT_OUT = [
  '/usr/share/doc/*',
  '/usr/share/man/*',
  '/usr/share/locale/*',
  '/usr/share/info/*',
  ...['gpu', 'iio', 'infiniband', 'isdn', 'media', 'net/ethernet', 'net/wireless', 'staging', 'usb'].map(driver),
  ...['bfa', 'be2iscsi', 'bnx2fc', 'csiostor', 'cxgbi', 'elx', 'lpfc', 'qedf', 'qedi', 'qla2xxx', 'qla4xxx'].map(
    (name) => driver(`scsi/${name}`),
  ),
  '/lib/modules/*/kernel/sound/*',
];

// e1000 and e1000e are VMware's cards; vmxnet3 and virtio_net stand elsewhere.
const KEPT = [driver('net/ethernet/intel')];

function driver(folder: string): string {
  return `/lib/modules/*/kernel/drivers/${folder}/*`;
}

export const DPKG_SETTINGS = [
  'force-unsafe-io',
  ...LEFT_OUT.map((path) => `path-exclude=${path}`),
  ...KEPT.map((path) => `path-include=${path}`),
  '',
].join('\n');
