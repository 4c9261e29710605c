import { createHash } from 'node:crypto';
import { readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { MemberHints, MemberRecord, PackageWriter } from '../../src/ovf/write/package-writer.ts';
import { makeTemporaryFolder } from '../temporary-folder.ts';

/** Hints that are valid for any disk. These packages do not use them. */
export const DISK_HINTS: MemberHints = { isDisk: true, capacityBytes: 65_536, hashedByServer: true };

/** Creates a folder that is removed at the end of the scope. */
export async function temporaryFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await makeTemporaryFolder('h2k-ovf-');
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

export function sha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Returns bytes that depend on their position and on `seed`. */
export function pattern(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32LE((at * 2654435761 + seed) % 2 ** 32, at);
  return bytes;
}

/** Writes one member in chunks, like a download. */
export async function addMember(
  writer: PackageWriter,
  name: string,
  bytes: Uint8Array,
  chunk = 16384,
): Promise<MemberRecord> {
  const member = await writer.openMember(name, DISK_HINTS);
  for (let at = 0; at < bytes.length; at += chunk) await member.write(bytes.subarray(at, at + chunk));
  return member.commit(sha256(bytes));
}

export async function listing(folder: string): Promise<string[]> {
  return (await readdir(folder)).toSorted();
}

/** Verifies every line of a manifest, like `sha256sum`. Returns the names. */
export async function verifyManifest(folder: string, manifest: string): Promise<string[]> {
  const lines = (await readFile(join(folder, manifest), 'utf8')).trimEnd().split('\n');
  const names: string[] = [];
  for (const line of lines) {
    const name = line.slice('SHA256('.length, line.lastIndexOf(')= '));
    if (line !== `SHA256(${name})= ${sha256(await readFile(join(folder, name)))}`) throw new Error(`wrong: ${line}`);
    names.push(name);
  }
  return names;
}
