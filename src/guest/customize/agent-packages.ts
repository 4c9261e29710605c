import { Hyper2kvmError } from '../../base/errors.ts';
import type { GuestSystem } from '../guest.ts';

const AGENT = 'qemu-guest-agent';

/** Package formats, by the package manager's program in the guest. */
export type PackageKind = 'deb' | 'rpm';

/** The system that packages are chosen for. */
export interface PackageTarget {
  system: Pick<GuestSystem, 'id' | 'idLike' | 'version' | 'prettyName'>;
  kind: PackageKind;
  /** libguestfs' name: `x86_64`, `aarch64`. */
  architecture: string;
}

/** File names in one folder. */
export interface ChosenPackages {
  agent: string;
  /** What the agent may need besides, in the same folder. */
  others: string[];
}

/** Names of architectures in packages, where they differ from libguestfs'. */
const ARCHITECTURES: Readonly<Record<PackageKind, Readonly<Record<string, string>>>> = {
  deb: { x86_64: 'amd64', aarch64: 'arm64', ppc64le: 'ppc64el' },
  rpm: { i386: 'i686' },
};

/**
 * The subfolders of a package folder for a system, the best one first: `rocky-9.4`, `rocky-9`, `rhel-9.4`, `rhel-9`. A
 * folder without any of them holds its packages directly.
 */
export function releaseFolders({ id, idLike, version }: PackageTarget['system']): string[] {
  const major = version.split('.')[0] ?? '';
  return [id, ...idLike].flatMap((name) => [...new Set([`${name}-${version}`, `${name}-${major}`])]);
}

/**
 * Chooses the agent's package among the file names of `folder`, and the packages that it may depend on: those for the
 * same architecture whose names do not show another release.
 * @throws kind `guest` if there is none, or more than one.
 */
export function choosePackages(names: readonly string[], folder: string, target: PackageTarget): ChosenPackages {
  const fitting = names.filter((name) => fits(name, target)).toSorted();
  const agents = fitting.filter((name) => name.startsWith(target.kind === 'deb' ? `${AGENT}_` : `${AGENT}-`));
  const [agent] = agents;
  const of = `${target.system.prettyName} (${packageArchitecture(target)})`;
  const place = releaseFolders(target.system)[0] ?? '';
  if (agent === undefined) {
    const others = names.filter((name) => name.startsWith(AGENT));
    const found = others.length === 0 ? '' : ` It has ${others.join(', ')}.`;
    throw new Hyper2kvmError(
      'guest',
      `There is no ${target.kind} package of ${AGENT} for ${of} in ${folder}.${found}`,
      {
        hint: `Put it there, or into a subfolder ${place}, with the packages that it depends on. --guest-agent without a folder installs it at the first boot.`,
      },
    );
  }
  if (agents.length > 1) {
    throw new Hyper2kvmError('guest', `${folder} has several packages of ${AGENT} for ${of}: ${agents.join(', ')}.`, {
      hint: `Keep one, or put the packages of each release into a subfolder such as ${place}.`,
    });
  }
  return { agent, others: fitting.filter((name) => name !== agent) };
}

function packageArchitecture({ kind, architecture }: PackageTarget): string {
  return ARCHITECTURES[kind][architecture] ?? architecture;
}

/** `NAME_VERSION_ARCHITECTURE.deb` (deb-filename) or `NAME-VERSION-RELEASE.ARCHITECTURE.rpm`. */
function fits(name: string, target: PackageTarget): boolean {
  const [, architecture] = (target.kind === 'deb' ? /_([^_]+)\.deb$/ : /\.([^.]+)\.rpm$/).exec(name) ?? [];
  const any = target.kind === 'deb' ? 'all' : 'noarch';
  return (architecture === packageArchitecture(target) || architecture === any) && fitsRelease(name, target.system);
}

/** Versions contain the release that they were built for, by convention: `.el9`, `.fc40`, `+deb12u1`, `ubuntu3`. */
function fitsRelease(name: string, { id, version }: PackageTarget['system']): boolean {
  const major = version.split('.')[0] ?? '';
  const [, el] = /\.el(\d+)/.exec(name) ?? [];
  if (el !== undefined) return id !== 'fedora' && el === major;
  const [, fc] = /\.fc(\d+)/.exec(name) ?? [];
  if (fc !== undefined) return id === 'fedora' && fc === major;
  const [, deb] = /[+~]deb(\d+)u/.exec(name) ?? [];
  if (deb !== undefined) return id !== 'debian' ? id !== 'ubuntu' : deb === major;
  return !/ubuntu\d/.test(name) || id !== 'debian';
}

/** The folder of the packages in the guest during the installation. */
export const GUEST_PACKAGES = '/var/tmp/hyper2kvm-packages';

/** The name of the unit, as Debian, Ubuntu, Fedora, RHEL and SUSE call it. */
export const AGENT_UNIT = `${AGENT}.service`;

const INSTALL: Readonly<Record<PackageKind, string>> = {
  // The other packages only if the agent cannot be configured without them: dpkg --no-act checks no dependencies.
  deb: `export DEBIAN_FRONTEND=noninteractive
dpkg --install --refuse-downgrade "./$agent" || {
  set --
  for package in ./*.deb; do [ "$package" = "./$agent" ] || set -- "$@" "$package"; done
  [ $# = 0 ] || dpkg --install --refuse-downgrade --skip-same-version "$@"
  dpkg --configure ${AGENT}
}`,
  rpm: `set -- "./$agent"
rpm --upgrade --test "./$agent" >/dev/null 2>&1 || set -- ./*.rpm
rpm --upgrade --replacepkgs "$@"`,
};

/** Services that a package starts would run in the appliance: policy-rc.d forbids it for Debian's packages. */
const FORBID_SERVICES = `policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ] && [ -d /usr/sbin ]; then
  trap 'rm -f $policy' EXIT
  printf '#!/bin/sh\\nexit 101\\n' >$policy
  chmod 755 $policy
fi`;

const ENABLE = `if command -v systemctl >/dev/null; then systemctl enable ${AGENT_UNIT}
elif command -v update-rc.d >/dev/null; then update-rc.d ${AGENT} defaults
elif command -v chkconfig >/dev/null; then chkconfig ${AGENT} on
fi`;

/** A script that installs the agent from {@link GUEST_PACKAGES} inside the guest, and enables its service. */
export function installScript(kind: PackageKind, { agent }: ChosenPackages): string {
  const name = `'${agent.replaceAll("'", String.raw`'\''`)}'`;
  return `#!/bin/sh\nset -e\ncd ${GUEST_PACKAGES}\nagent=${name}\n${FORBID_SERVICES}\n${INSTALL[kind]}\n${ENABLE}\n`;
}

/** A script that enables the service of an agent that is installed. */
export const ENABLE_SCRIPT = `#!/bin/sh\nset -e\n${ENABLE}\n`;

/** What runs at the first boot, after the package manager has installed the agent. */
export const START_AGENT = `systemctl enable --now ${AGENT_UNIT} || service ${AGENT} start`;

/** The name of the package in the repositories of the distributions. */
export const AGENT_PACKAGE = AGENT;
