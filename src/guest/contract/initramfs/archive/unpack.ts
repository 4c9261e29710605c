import { ArchiveTree } from './archive-tree.ts';
import { CpioParser, InitramfsError, type CpioEntry } from './cpio.ts';
import { compressionOf, decompress, type Compression } from './decompress.ts';

/** An initramfs with all firmware unpacks to about 700 MiB. */
const MOST_UNPACKED_BYTES = 2 * 1024 ** 3;
/** The limit for a configuration file or a kernel's module list. */
const MOST_FILE_BYTES = 4 * 1024 * 1024;
const MOST_KEPT_BYTES = 128 * 1024 * 1024;
/** PATH_MAX of Linux. */
const MOST_LINK_BYTES = 4096;
/** The limit of parts in one image: microcode, the image itself, additions. */
const MOST_PARTS = 64;
const PIECE_BYTES = 1024 * 1024;

const FILE = 0o100000;
const LINK = 0o120000;
const TYPE = 0o170000;

/** The files whose content is kept in memory, besides all names: potential configuration files. */
const KEPT =
  /^((usr\/)?(etc|conf|cryptroot|scripts|hooks)\/|(usr\/)?lib\/(dracut|udev|systemd|modprobe\.d|modules)\/|[^/]+$)/;
const MODULE = /\.ko(\.\w+)?$/;

export interface UnpackOptions {
  mostUnpackedBytes?: number;
}

/**
 * Unpacks the files of an initramfs. The images are in the order in which the boot loader loads them; each consists
 * of one or several archives, compressed or not. The kernel unpacks them into one tree.
 * @throws `InitramfsError` for data that the kernel could not unpack either or that is too large;
 * `UnreadCompressionError`.
 */
export async function unpackInitramfs(
  images: readonly Buffer[],
  { mostUnpackedBytes = MOST_UNPACKED_BYTES }: UnpackOptions = {},
): Promise<ArchiveTree> {
  const files = new FileCollector();
  for (const image of images) await unpackImage(image, files, mostUnpackedBytes);
  if (files.count === 0) throw new InitramfsError('it is empty');
  return files.tree();
}

async function unpackImage(image: Buffer, files: FileCollector, mostUnpackedBytes: number): Promise<void> {
  let at = 0;
  for (let part = 0; ; part += 1) {
    while (image[at] === 0) at += 1;
    if (at >= image.length) return;
    if (part >= MOST_PARTS) throw new InitramfsError(`it has more than ${MOST_PARTS} parts`);
    const rest = image.subarray(at);
    const compression = compressionOf(rest);
    const length =
      compression === undefined
        ? unpackPlain(rest, files)
        : await unpackCompressed(compression, rest, files, mostUnpackedBytes);
    if (length === 0) {
      if (part === 0) throw new InitramfsError('it is not an archive, and its compression is not known');
      // The kernel prints a message and continues with what it has unpacked.
      return;
    }
    at += length;
  }
}

/** Reads an uncompressed archive; returns its length, 0 if there is no archive. */
function unpackPlain(bytes: Buffer, files: FileCollector): number {
  const parser = new CpioParser(files);
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    const piece = bytes.subarray(at, at + PIECE_BYTES);
    const taken = parser.push(piece);
    if (taken < piece.length) return at + taken;
  }
  parser.end();
  return bytes.length;
}

async function unpackCompressed(
  compression: Compression,
  bytes: Buffer,
  files: FileCollector,
  mostUnpackedBytes: number,
): Promise<number> {
  const parser = new CpioParser(files);
  const pieces = decompress(compression, bytes);
  try {
    for (;;) {
      const next = await pieces.next();
      if (next.done === true) {
        parser.end();
        return next.value;
      }
      files.unpackedBytes += next.value.length;
      if (files.unpackedBytes > mostUnpackedBytes) {
        throw new InitramfsError(`it unpacks to more than ${mostUnpackedBytes} bytes`);
      }
      if (parser.push(next.value) < next.value.length) {
        throw new InitramfsError('what is in the compressed data is not an archive');
      }
    }
  } finally {
    await pieces.return(0);
  }
}

/** Collects the entries of all archives. */
class FileCollector {
  unpackedBytes = 0;
  #keptBytes = 0;
  readonly #files = new Map<string, Buffer | undefined>();
  readonly #links = new Map<string, string>();
  readonly #folders = new Set<string>();
  /** Names that share one content, which is in the last of their entries. */
  readonly #shared = new Map<string, string[]>();

  get count(): number {
    return this.#files.size + this.#links.size + this.#folders.size;
  }

  wants({ name, mode, sizeBytes }: CpioEntry): boolean {
    if ((mode & TYPE) === LINK) return sizeBytes <= MOST_LINK_BYTES;
    if ((mode & TYPE) !== FILE || sizeBytes > MOST_FILE_BYTES || MODULE.test(name)) return false;
    return KEPT.test(name) && this.#keptBytes + sizeBytes <= MOST_KEPT_BYTES;
  }

  entry({ name, mode, inode }: CpioEntry, content: Buffer | undefined): void {
    if (name === '' || name === '.') return;
    this.#keptBytes += content?.length ?? 0;
    const type = mode & TYPE;
    // The later archive takes precedence.
    if (type !== LINK) this.#links.delete(name);
    if (type !== FILE) this.#files.delete(name);
    if (type === LINK) this.#links.set(name, content?.toString('latin1') ?? '');
    else if (type === FILE) this.#addFile(name, inode, content);
    else this.#folders.add(name);
  }

  tree(): ArchiveTree {
    return new ArchiveTree(this.#files, this.#links, this.#folders);
  }

  #addFile(name: string, inode: string | undefined, content: Buffer | undefined): void {
    this.#files.set(name, content);
    if (inode === undefined) return;
    const names = this.#shared.get(inode) ?? [];
    names.push(name);
    this.#shared.set(inode, names);
    if (content && content.length > 0) for (const each of names) this.#files.set(each, content);
  }
}
