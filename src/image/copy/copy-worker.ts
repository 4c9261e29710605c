import { parentPort } from 'node:worker_threads';
import { pageAlignedMemory } from '../../base/files/direct-io.ts';
import { Hyper2kvmError } from '../../base/errors.ts';
import { fillContent } from './fill-window.ts';
import { isZero, packWindow, sha256Of, type PackOptions } from './pack-window.ts';
import { canTransplant, transplant } from './transplant.ts';
import { SECTOR_BYTES } from '../vmdk/layout/sparse-header.ts';
import { WINDOW_BYTES, type CopyWindow, type PackedCluster } from '../model/window.ts';

/** How the windows of one disk are packed. */
export interface PackWork extends PackOptions {
  /** Hash the content of each window. */
  hash: boolean;
}

/** One window to pack, and the slab that both threads share. */
export interface WorkerTask {
  window: CopyWindow;
  slab: SharedArrayBuffer;
  work: PackWork;
}

/** The cause of a failure: the image content, the storage below it, or a bug. */
type FailureKind = 'image' | 'local-file' | 'internal';

/** Errors lose their class when they are posted between threads, so their fields are sent instead. */
export type WorkerAnswer =
  | { clusters: PackedCluster[]; packedBytes: number; sha256: string }
  | { failure: { kind: FailureKind; message: string; hint: string | undefined } };

if (parentPort) {
  const port = parentPort;
  const ownContent = Buffer.from(pageAlignedMemory(WINDOW_BYTES));
  port.on('message', ({ window, slab, work }: WorkerTask) => {
    // Uncompressed content is packed in place.
    const content = work.packing ? ownContent : Buffer.from(slab);
    port.postMessage(answer(window, Buffer.from(slab), content.subarray(0, window.lengthBytes), work));
  });
}

/**
 * A source can end in the middle of a sector. Results consist of complete sectors and must have the same hash, so the
 * rest of the sector is included. The buffer has room, because windows are complete sectors.
 */
function inWholeSectors({ buffer, byteOffset, length }: Buffer): Buffer {
  const whole = Buffer.from(buffer, byteOffset, Math.ceil(length / SECTOR_BYTES) * SECTOR_BYTES);
  return whole.fill(0, length);
}

function answer(window: CopyWindow, slab: Buffer, content: Buffer, work: PackWork): WorkerAnswer {
  try {
    // The hash covers the content, so all of it must be decompressed. This also verifies the clusters that are moved.
    if (work.hash) {
      fillContent(window, window.parts, content);
      if (isZero(content)) return { clusters: [], packedBytes: 0, sha256: '' };
    }
    const sha256 = work.hash ? sha256Of(inWholeSectors(content)) : '';
    const known = work.hash ? content : undefined;
    const moved = canTransplant(work.packing) ? transplant(window, slab, work, known) : undefined;
    if (moved?.rest.length === 0) return { clusters: moved.clusters, packedBytes: moved.packedBytes, sha256 };
    const rest = moved?.rest ?? window.parts;
    if (!work.hash || rest.length < window.parts.length) fillContent(window, rest, content);
    return { ...packWindow({ offsetBytes: window.offsetBytes, content }, slab, work, moved), sha256 };
  } catch (error) {
    if (!(error instanceof Error)) return { failure: { kind: 'internal', message: String(error), hint: undefined } };
    const hint = error instanceof Hyper2kvmError ? error.hint : undefined;
    return { failure: { kind: kindOf(error), message: error.message, hint } };
  }
}

function kindOf(error: Error): FailureKind {
  if (!(error instanceof Hyper2kvmError)) return 'internal';
  return error.kind === 'image' || error.kind === 'local-file' ? error.kind : 'internal';
}
