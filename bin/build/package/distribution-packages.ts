import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Arch } from './node-base.ts';
import { DOCUMENTS } from './payload.ts';
import { MAN_PAGE, ZSH_COMPLETION } from './shared-files.ts';
import { commitTime, description, license, name, root, version } from './project.ts';
import { outputOf } from './run-tool.ts';

/** https://nfpm.goreleaser.com. Go builds it and verifies it against Go's checksum database. */
const NFPM_VERSION = 'v2.45.2';
const NFPM = `github.com/goreleaser/nfpm/v2/cmd/nfpm@${NFPM_VERSION}`;

export const DISTRIBUTION_FORMATS = ['deb', 'rpm'] as const;
type DistributionFormat = (typeof DISTRIBUTION_FORMATS)[number];

const LONG_DESCRIPTION = `Exports virtual machines from a vCenter or an ESXi host, converts their disks,
prepares their guests for virtio, writes libvirt domains, and boots the
result to test it. One program without a daemon.`;

/**
 * The programs that prepare and boot guests: guestfish, QEMU for the guests of VMware (x86, on each host), UEFI firmware,
 * and virt-v2v for Windows guests. An export needs none of them.
 */
const RECOMMENDS: Readonly<Record<DistributionFormat, readonly string[]>> = {
  deb: ['libguestfs-tools', 'qemu-system-x86', 'qemu-utils', 'ovmf', 'nbdkit', 'virt-v2v', 'libvirt-clients'],
  rpm: ['guestfs-tools', 'qemu-kvm', 'qemu-img', 'edk2-ovmf', 'nbdkit', 'virt-v2v', 'libvirt-client'],
};

/** Returns the path of nfpm, which is built once, or the reason why it is missing. */
export function findNfpm(): { path: string } | { missing: string } {
  const folder = join(root, 'node_modules/.cache/hyper2kvm-package', NFPM_VERSION);
  const path = join(folder, 'nfpm');
  if (existsSync(path)) return { path };
  if (spawnSync('go', ['version'], { stdio: 'ignore' }).status !== 0) return { missing: 'Go is not installed' };
  const build = spawnSync('go', ['install', NFPM], { env: { ...process.env, GOBIN: folder }, encoding: 'utf8' });
  if (build.status === 0) return { path };
  return { missing: `go install ${NFPM} failed: ${build.stderr.trim().split('\n').at(-1)}` };
}

/** Builds a .deb or .rpm of the payload into `target` and returns its file name. */
export function makeDistributionPackage(
  nfpm: string,
  { format, arch, payload, target }: { format: DistributionFormat; arch: Arch; payload: string; target: string },
): string {
  const file = `${name}-${version}-linux-${arch}.${format}`;
  const config = `${payload}.${format}.json`;
  writeFileSync(config, JSON.stringify(configOf(format, arch, payload)));
  outputOf(nfpm, ['package', '--config', config, '--packager', format, '--target', join(target, file)]);
  return file;
}

function documentPlace(document: string, format: DistributionFormat): string {
  if (document !== 'LICENSE') return `/usr/share/doc/${name}/${document}`;
  return format === 'deb' ? `/usr/share/doc/${name}/copyright` : `/usr/share/licenses/${name}/LICENSE`;
}

/**
 * Returns the source and destination of a file below `share`. Both formats require compressed man pages. Debian's
 * zsh uses another folder for completions.
 */
function placeOf(path: string, format: DistributionFormat, payload: string): { src: string; dst: string } {
  const src = join(payload, 'share', path);
  if (path === MAN_PAGE) return { src: compressedBeside(payload, src), dst: `/usr/share/${path}.gz` };
  const isDebianZsh = format === 'deb' && path === ZSH_COMPLETION;
  return { src, dst: `/usr/share/${isDebianZsh ? path.replace('site-functions', 'vendor-completions') : path}` };
}

/** Writes the compressed file next to the payload. The bytes are reproducible, because zlib writes neither name nor time. */
function compressedBeside(payload: string, file: string): string {
  const result = `${payload}.1.gz`;
  writeFileSync(result, gzipSync(readFileSync(file), { level: 9 }));
  return result;
}

/** Returns the nfpm configuration as JSON, which is a subset of YAML. glibc 2.28 is the minimum of this Node.js build. */
function configOf(format: DistributionFormat, arch: Arch, payload: string): object {
  const mtime = new Date(commitTime() * 1000).toISOString();
  const documents = DOCUMENTS.map((document) => ({
    src: join(payload, document),
    dst: documentPlace(document, format),
    // rpm can list such files, or omit them from an installation.
    ...(format === 'rpm' ? { type: document === 'LICENSE' ? 'license' : 'doc' } : {}),
    file_info: { mode: 0o644, mtime },
  }));
  const shared = readdirSync(join(payload, 'share'), { recursive: true, encoding: 'utf8' })
    .filter((path) => statSync(join(payload, 'share', path)).isFile())
    .map((path) => ({ ...placeOf(path, format, payload), file_info: { mode: 0o644, mtime } }));
  return {
    name,
    version,
    arch: arch === 'x64' ? 'amd64' : arch,
    platform: 'linux',
    section: 'admin',
    priority: 'optional',
    maintainer: 'The hyper2kvm authors',
    // The first line is the summary.
    description: `${description}\n${LONG_DESCRIPTION}`,
    license,
    mtime,
    contents: [
      { src: join(payload, name), dst: `/usr/bin/${name}`, file_info: { mode: 0o755, mtime } },
      ...documents,
      ...shared,
    ],
    overrides: {
      deb: { depends: ['libc6 (>= 2.28)', 'libstdc++6', 'libgcc-s1'], recommends: RECOMMENDS.deb },
      rpm: { depends: ['glibc >= 2.28', 'libstdc++', 'libgcc'], recommends: RECOMMENDS.rpm },
    },
    rpm: { buildhost: 'reproducible' },
  };
}
