/**
 * Prints the state of the booted guest on its serial console, once every NIC has an address or after a minute.
 * `guest-report.ts` reads it.
 * All lines are printed in a single write, so that output of other programs cannot appear between them. The gateway is
 * host 2 of an address's network, as in QEMU's user networks.
 */
const REPORT = `#!/bin/sh
for try in $(seq 120); do
  missing=
  for card in /sys/class/net/*; do
    [ -e "$card/device" ] || continue
    read -r state <"$card/operstate"
    [ "$state" = up ] && [ -n "$(ip -4 -o address show dev "\${card##*/}" scope global)" ] || missing=yes
  done
  [ -z "$missing" ] && break
  sleep 0.5
done
[ ! -d /run/systemd/system ] || timeout 300 systemctl is-system-running --wait >/dev/null

report() {
  states=
  for card in /sys/class/net/*; do
    [ -e "$card/device" ] || continue
    name=\${card##*/}
    read -r state <"$card/operstate"
    read -r mac <"$card/address"
    states="$states $name=$state"
    addresses= gateways=
    for address in $(ip -4 -o address show dev "$name" scope global | sed 's/.* inet \\([^ ]*\\) .*/\\1/'); do
      gateway=\${address%.*}.2
      answer=silent
      for try in 1 2 3; do
        ping -c 1 -W 2 -I "$name" "$gateway" >/dev/null 2>&1 && answer=answers && break
      done
      addresses="$addresses,$address" gateways="$gateways,$gateway:$answer"
    done
    echo "guest-nic mac=$mac name=$name state=$state addresses=\${addresses#,} gateways=\${gateways#,}"
  done
  findmnt --real -rn -o TARGET,FSTYPE,UUID,FSROOT | sed 's/^/guest-mount /'
  swapon --noheadings --show=UUID | sed 's/^ */guest-swap /'
  [ ! -d /run/systemd/system ] || systemctl list-units --failed --plain --no-legend | sed 's/^\\([^ ]*\\) .*/guest-failed-unit \\1/'
  [ ! -e /sys/fs/selinux/enforce ] || echo "guest-selinux enforcing=$(cat /sys/fs/selinux/enforce)"
  echo "guest-ready\${states:- none} kernel=$(uname -r)"
}
lines=$(report)
printf '\\n%s\\n' "$lines" >/dev/ttyS0
`;

const REPORT_UNIT = `[Unit]
Description=Print on the serial console what this guest came up with

[Service]
ExecStart=/usr/local/sbin/guest-report

[Install]
WantedBy=multi-user.target
`;

/** systemd's default timeout of 90 seconds is too short for the devices of an emulated guest on a busy host. */
const TIMEOUTS = `[Manager]
DefaultDeviceTimeoutSec=180s
DefaultTimeoutStartSec=300s
`;

/** Files that are added to every guest. */
export const REPORT_FILES = {
  '/usr/local/sbin/guest-report': REPORT,
  '/etc/systemd/system/guest-report.service': REPORT_UNIT,
  '/etc/systemd/system.conf.d/timeouts.conf': TIMEOUTS,
};
