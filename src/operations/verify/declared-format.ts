import { extname } from 'node:path';
import type { ImageFormat } from '../../image/model/image.ts';
import { probeFormat } from '../../image/probe/probe.ts';
import { readHead } from '../../ovf/files/file-bytes.ts';
import { PROBE_BYTES } from '../../ovf/read/probe-package.ts';

/** A file in no known format whose name marks it as a raw disk is one, whatever it contains. */
export async function declaredFormat(path: string): Promise<ImageFormat | undefined> {
  if (!['.raw', '.img'].includes(extname(path).toLowerCase())) return undefined;
  return probeFormat(Buffer.from(await readHead(path, PROBE_BYTES)), Buffer.alloc(0)) === 'raw' ? 'raw' : undefined;
}
