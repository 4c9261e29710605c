import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Arch } from './node-base.ts';
import { DOCUMENTS } from './payload.ts';
import { commitTime, description, license, name, root, version } from './project.ts';
import { outputOf } from './run-tool.ts';

/** https://nfpm.goreleaser.com, built by Go, which checks it against Go's own list of hashes. */
const NFPM_VERSION = 'v2.45.2';
const NFPM = `github.com/goreleaser/nfpm/v2/cmd/nfpm@${NFPM_VERSION}`;

export const DISTRIBUTION_FORMATS = ['deb', 'rpm'] as const;

/** The program nfpm, built once; or why there is none. */
export function findNfpm(): { path: string } | { missing: string } {
  const folder = join(root, 'node_modules/.cache/hyper2kvm-package', NFPM_VERSION);
  const path = join(folder, 'nfpm');
  if (existsSync(path)) return { path };
  if (spawnSync('go', ['version'], { stdio: 'ignore' }).status !== 0) return { missing: 'Go is not installed' };
  const build = spawnSync('go', ['install', NFPM], { env: { ...process.env, GOBIN: folder }, encoding: 'utf8' });
  if (build.status === 0) return { path };
  return { missing: `go install ${NFPM} failed: ${build.stderr.trim().split('\n').at(-1)}` };
}

/** Makes a .deb or .rpm of the laid out payload in `target`, and gives its name there. */
export function makeDistributionPackage(
  nfpm: string,
  { format, arch, payload, target }: { format: 'deb' | 'rpm'; arch: Arch; payload: string; target: string },
): string {
  const file = `${name}-${version}-linux-${arch}.${format}`;
  const config = `${payload}.${format}.json`;
  writeFileSync(config, JSON.stringify(configOf(arch, payload)));
  outputOf(nfpm, ['package', '--config', config, '--packager', format, '--target', join(target, file)]);
  return file;
}

/** nfpm reads YAML, of which JSON is a part. glibc 2.28 is what this Node.js is built for. */
function configOf(arch: Arch, payload: string): object {
  const mtime = new Date(commitTime() * 1000).toISOString();
  const documents = DOCUMENTS.map((document) => ({
    src: join(payload, document),
    dst: `/usr/share/doc/${name}/${document === 'LICENSE' ? 'copyright' : document}`,
    file_info: { mode: 0o644, mtime },
  }));
  const share = existsSync(join(payload, 'share'))
    ? [{ src: join(payload, 'share'), dst: '/usr/share', type: 'tree', file_info: { mtime } }]
    : [];
  return {
    name,
    version,
    arch: arch === 'x64' ? 'amd64' : arch,
    platform: 'linux',
    section: 'admin',
    priority: 'optional',
    maintainer: 'The hyper2kvm authors',
    description,
    license,
    mtime,
    contents: [
      { src: join(payload, name), dst: `/usr/bin/${name}`, file_info: { mode: 0o755, mtime } },
      ...documents,
      ...share,
    ],
    overrides: {
      deb: { depends: ['libc6 (>= 2.28)', 'libstdc++6', 'libgcc-s1'] },
      rpm: { depends: ['glibc >= 2.28', 'libstdc++', 'libgcc'] },
    },
    rpm: { buildhost: 'reproducible' },
  };
}
