import type { CompressedRun, DataRun, MappedImage } from '../model/image.ts';
import { WINDOW_BYTES, type CopyWindow, type WindowPart } from '../model/window.ts';

/**
 * Yields the windows of an image that contain data, in order. Windows of zeros are omitted. Reads only the image's
 * tables.
 */
export async function* planWindows(image: MappedImage): AsyncGenerator<CopyWindow, void, undefined> {
  let window: CopyWindow | undefined;
  for await (const run of image.map(0, image.virtualSizeBytes)) {
    if (run.kind === 'zero' || run.kind === 'absent') continue;
    const endBytes = run.offsetBytes + run.lengthBytes;
    for (let from = run.offsetBytes; from < endBytes;) {
      const offsetBytes = Math.floor(from / WINDOW_BYTES) * WINDOW_BYTES;
      if (window?.offsetBytes !== offsetBytes) {
        if (window) yield window;
        window = { offsetBytes, lengthBytes: Math.min(WINDOW_BYTES, image.virtualSizeBytes - offsetBytes), parts: [] };
      }
      const to = Math.min(endBytes, offsetBytes + WINDOW_BYTES);
      window.parts.push(partOf(image, run, from, to, offsetBytes));
      from = to;
    }
  }
  if (window) yield window;
}

function partOf(
  image: MappedImage,
  run: DataRun | CompressedRun,
  from: number,
  to: number,
  windowOffset: number,
): WindowPart {
  const file = image.files[run.file];
  if (!file) throw new RangeError(`a run points into file ${run.file} of ${image.files.length}`);
  const skipped = from - run.offsetBytes;
  const { fd, directFd, isUncached } = file;
  const place = { at: from - windowOffset, lengthBytes: to - from, fd, directFd, isUncached };
  if (run.kind === 'data') return { ...place, fileOffsetBytes: run.fileOffsetBytes + skipped, compressed: undefined };
  const {
    kind: _kind,
    offsetBytes: _offset,
    lengthBytes: _length,
    file: _file,
    fileOffsetBytes: _place,
    ...compressed
  } = run;
  compressed.skipBytes += skipped;
  return { ...place, fileOffsetBytes: run.fileOffsetBytes, compressed };
}
