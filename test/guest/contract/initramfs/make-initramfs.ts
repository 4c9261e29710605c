import { posix } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import type { TreeContent } from '../tree-of-files.ts';

/** Builds a cpio archive in the newc format, with the parent folders of each file. */
export function cpioOf(tree: TreeContent): Buffer {
  const folders = new Set<string>();
  for (const path of Object.keys(tree)) {
    for (let folder = posix.dirname(path); folder !== '/'; folder = posix.dirname(folder)) folders.add(folder);
  }
  const parts = [...folders].toSorted().map((folder) => newcEntry(folder.slice(1), 0o40755, Buffer.alloc(0)));
  for (const [path, content] of Object.entries(tree)) {
    const name = path.slice(1);
    if (typeof content === 'string') parts.push(newcEntry(name, 0o100644, Buffer.from(content, 'latin1')));
    else if (Buffer.isBuffer(content)) parts.push(newcEntry(name, 0o100644, content));
    else if ('link' in content) parts.push(newcEntry(name, 0o120777, Buffer.from(content.link)));
    else parts.push(newcEntry(name, 0o40755, Buffer.alloc(0)));
  }
  return Buffer.concat([...parts, newcEntry('TRAILER!!!', 0, Buffer.alloc(0))]);
}

/** Builds one entry. `facts` overrides header fields, for a header with inconsistent values. */
export function newcEntry(
  name: string,
  mode: number,
  content: Buffer,
  facts: { nameBytes?: number; sizeBytes?: number; links?: number; inode?: number } = {},
): Buffer {
  const { nameBytes = Buffer.byteLength(name, 'latin1') + 1, sizeBytes = content.length, links = 1, inode = 0 } = facts;
  const fields = [inode, mode, 0, 0, links, 0, sizeBytes, 0, 0, 0, 0, nameBytes, 0];
  const header = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`;
  return Buffer.concat([filled(Buffer.from(`${header}${name}\0`, 'latin1')), filled(content)]);
}

function filled(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}

export function gzipped(tree: TreeContent): Buffer {
  return gzipSync(cpioOf(tree));
}

export function zstandard(tree: TreeContent): Buffer {
  return zstdCompressSync(cpioOf(tree));
}
