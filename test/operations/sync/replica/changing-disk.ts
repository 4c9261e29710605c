import { createCipheriv, createHash } from 'node:crypto';

/** A range of a disk, and its new content. */
export interface Change {
  offsetBytes: number;
  bytes: Buffer;
}

/** Deterministic bytes for a text. */
export function bytesOf(seed: string, lengthBytes: number): Buffer {
  const key = createHash('sha256').update(seed).digest();
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(lengthBytes));
}

/** A deterministic number from 0 to below `limit`. */
export function numberOf(seed: string, limit: number): number {
  return createHash('sha256').update(seed).digest().readUIntBE(0, 6) % limit;
}

/** The writes that lead from version `version - 1` of a disk to `version`, in sectors: data, and zeros over old data. */
export function changesOf(seed: string, version: number, capacityBytes: number): Change[] {
  return Array.from({ length: 6 + numberOf(`${seed}/${version}`, 20) }, (_, index) => {
    const id = `${seed}/${version}/${index}`;
    const lengthBytes = 512 * (1 + numberOf(`${id}/length`, index === 0 ? 3000 : 40));
    const offsetBytes = 512 * numberOf(`${id}/offset`, Math.floor((capacityBytes - lengthBytes) / 512));
    const bytes = index % 4 === 3 ? Buffer.alloc(lengthBytes) : bytesOf(id, lengthBytes);
    return { offsetBytes, bytes };
  });
}

/** The content of a disk after the changes of all versions up to `version`. */
export function contentOf(seed: string, version: number, capacityBytes: number): Buffer {
  const content = Buffer.alloc(capacityBytes);
  for (let each = 1; each <= version; each += 1) {
    for (const { offsetBytes, bytes } of changesOf(seed, each, capacityBytes)) bytes.copy(content, offsetBytes);
  }
  return content;
}

/** The changed ranges in order and without overlap. */
export function areasOf(changes: readonly Change[]): { offsetBytes: number; lengthBytes: number }[] {
  const areas: { offsetBytes: number; lengthBytes: number }[] = [];
  const ordered = changes.toSorted((a, b) => a.offsetBytes - b.offsetBytes);
  for (const { offsetBytes, bytes } of ordered) {
    const last = areas.at(-1);
    const end = offsetBytes + bytes.length;
    if (last !== undefined && last.offsetBytes + last.lengthBytes >= offsetBytes) {
      last.lengthBytes = Math.max(last.lengthBytes, end - last.offsetBytes);
    } else areas.push({ offsetBytes, lengthBytes: bytes.length });
  }
  return areas;
}
