import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './project.ts';
import { outputOf } from './run-tool.ts';

export const ARCHES = ['x64', 'arm64'] as const;
export type Arch = (typeof ARCHES)[number];

/** The Node.js executable that a binary is based on. */
export interface NodeBase {
  /** Path of a copy that may be modified. */
  path: string;
  version: string;
  /** The npm package that contains it. */
  packageName: string;
  /** Node's own licence, with the licences of its bundled dependencies. */
  license: string;
  /** The strip tool and its version. Undefined if no installed tool supports this architecture. */
  strippedBy: string | undefined;
}

interface LockedPackage {
  version: string;
  integrity: string;
}

/** The first tool that supports the architecture is used. Different tools give different bytes. */
const STRIP_TOOLS = ['llvm-strip', 'strip', 'aarch64-linux-gnu-strip', 'x86_64-linux-gnu-strip'];

/**
 * Copies the Node.js version of the lock file into `folder` and strips its symbols. npm installs only the package
 * for this architecture; others are downloaded.
 */
export function prepareNodeBase(arch: Arch, folder: string): NodeBase {
  const packageName = `node-linux-${arch}`;
  const locked = lockedPackage(packageName);
  const source = installedPackage(packageName, locked) ?? fetchPackage(packageName, locked, folder);
  const path = join(folder, `node-${arch}`);
  cpSync(join(source, 'bin/node'), path);
  const license = readFileSync(join(source, 'LICENSE'), 'utf8');
  return { path, version: locked.version, packageName, license, strippedBy: strip(path) };
}

function lockedPackage(name: string): LockedPackage {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, LockedPackage | undefined>;
  };
  const locked = lock.packages[`node_modules/${name}`];
  if (!locked) throw new Error(`package-lock.json does not name ${name}`);
  return locked;
}

function installedPackage(name: string, locked: LockedPackage): string | undefined {
  const folder = join(root, 'node_modules', name);
  if (!existsSync(join(folder, 'package.json'))) return undefined;
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string };
  return version === locked.version ? folder : undefined;
}

function fetchPackage(name: string, { version, integrity }: LockedPackage, folder: string): string {
  const packed = outputOf('npm', ['pack', `${name}@${version}`, '--json', '--pack-destination', folder]);
  const archive = join(folder, `${name}-${version}.tgz`);
  if (!existsSync(archive)) throw new Error(`npm pack did not leave ${archive}: ${packed}`);
  const hash = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`;
  if (hash !== integrity) throw new Error(`${name}@${version} is ${hash}, and package-lock.json says ${integrity}`);
  const unpacked = join(folder, name);
  mkdirSync(unpacked);
  outputOf('tar', [
    '-xzf',
    archive,
    '-C',
    unpacked,
    '--strip-components=1',
    'package/bin/node',
    'package/LICENSE',
    'package/package.json',
  ]);
  return unpacked;
}

/** Strips the symbols. A tool that does not support the architecture fails and leaves the file unchanged. */
function strip(path: string): string | undefined {
  const tool = STRIP_TOOLS.find((name) => spawnSync(name, [path], { stdio: 'ignore' }).status === 0);
  if (tool === undefined) return undefined;
  const version = /version \S+|\d+\.\d+\S*/.exec(outputOf(tool, ['--version']))?.[0] ?? '';
  return `${tool} ${version}`.trim();
}
