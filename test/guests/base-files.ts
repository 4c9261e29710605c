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

/**
 * Says on the serial console which cards are up, by their names, once all are or after half a minute:
 * `guest-ready ens192=up kernel=6.1.0-50-amd64`. A card that no configuration claims stays down.
 */
const READY = `#!/bin/sh
for try in $(seq 60); do
  state= down=
  for card in /sys/class/net/*; do
    [ -e "$card/device" ] || continue
    read -r operstate <"$card/operstate"
    [ "$operstate" = up ] || down=yes
    state="$state \${card##*/}=$operstate"
  done
  [ -n "$state" ] && [ -z "$down" ] && break
  sleep 0.5
done
printf '\\nguest-ready%s kernel=%s\\n' "\${state:- none}" "$(uname -r)" >/dev/ttyS0
`;

const READY_UNIT = `[Unit]
Description=Tell the serial console which network cards are up

[Service]
ExecStart=/usr/local/sbin/guest-ready

[Install]
WantedBy=multi-user.target
`;

export const BASE_FILES = {
  '/usr/local/sbin/guest-ready': READY,
  '/etc/systemd/system/guest-ready.service': READY_UNIT,
};
