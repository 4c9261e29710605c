import { Hyper2kvmError } from '../../base/errors.ts';
import { readBytes, type ByteSource } from '../files/byte-source.ts';
import { unfitName } from '../files/file-href.ts';
import { decodePaxRecords } from './pax-records.ts';
import { decodeBlock, decodeText, isZeroBlock, TarBlockFault, type TarBlock } from './tar-block.ts';
import { BLOCK_BYTES, padded } from './tar-header.ts';

/** One regular file of a tar. */
export interface TarFileEntry {
  /** Relative, without a leading `./`. Verified not to lead out of the archive. */
  name: string;
  sizeBytes: number;
  /** Offset of its first byte in the tar. */
  offsetBytes: number;
}

/** Names and pax records are small. This bounds the memory that a wrong size can take. */
const MOST_META_BYTES = 64 * 1024;
/** Headers before the header of a file. Tar writers use at most three (global, extended, long name). */
const MOST_META_HEADERS = 16;
/** Enough for a disk of 32 TiB in chunks of 2 GiB. With names of at most 1 KiB, the list takes 16 MiB. */
const MOST_MEMBERS = 16_384;

/** The values that extension headers specify for the next file. */
interface Extension {
  name?: string;
  sizeBytes?: number;
}

/**
 * Iterates over a tar: ustar, pax, GNU (long names, base-256 sizes) and v7. Before the caller requests the next file,
 * it can read all, some or none of the current file's bytes from the source.
 *
 * Supports the archives that programs create to ship files, not every tar feature. Links, devices, sparse files,
 * multi-volume archives, names that lead out of the archive and repeated names are rejected. Folders are skipped.
 * Errors have kind `image` and contain the offset.
 */
export class TarReader {
  readonly #source: ByteSource;
  readonly #label: string;
  readonly #names = new Set<string>();
  /** Offset of the next header. */
  #nextBytes = 0;

  /** `label` identifies the archive in errors. */
  constructor(source: ByteSource, label: string) {
    this.#source = source;
    this.#label = label;
  }

  /** Returns the next file; undefined at the end of the archive. */
  async next(): Promise<TarFileEntry | undefined> {
    let extension: Extension = {};
    for (let metaHeaders = 0; ; metaHeaders++) {
      const at = this.#nextBytes;
      if (!(await this.#source.skip(at - this.#source.offsetBytes))) throw this.#truncated();
      const block = await this.#readHeader(at);
      if (block === undefined) return undefined;
      // An extension can override the size of a file. Folders have no content, whatever their size field contains.
      const sizeBytes = block.type === '0' ? (extension.sizeBytes ?? block.sizeBytes) : block.sizeBytes;
      const offsetBytes = at + BLOCK_BYTES;
      if (offsetBytes + sizeBytes + BLOCK_BYTES > Number.MAX_SAFE_INTEGER) {
        throw this.#wrong(at, 'has an impossible size');
      }
      this.#nextBytes = offsetBytes + (block.type === '5' ? 0 : padded(sizeBytes));
      if (block.type === '0') return this.#entry(at, extension.name ?? block.name, sizeBytes);
      if (metaHeaders === MOST_META_HEADERS && block.type !== '5')
        throw this.#wrong(at, 'has too many extension headers');
      if (block.type === '5' || block.type === 'V') [extension, metaHeaders] = [{}, 0];
      else extension = { ...extension, ...(await this.#readExtension(at, block)) };
    }
  }

  /** Returns undefined at the end, which two blocks of zeros mark. Without them, the archive may be truncated. */
  async #readHeader(at: number): Promise<TarBlock | undefined> {
    const bytes = await readBytes(this.#source, BLOCK_BYTES);
    if (bytes.length < BLOCK_BYTES) throw this.#truncated();
    if (!isZeroBlock(bytes)) return this.#decode(at, () => decodeBlock(bytes));
    const second = await readBytes(this.#source, BLOCK_BYTES);
    if (second.length === 0 || (second.length === BLOCK_BYTES && isZeroBlock(second))) return undefined;
    throw this.#wrong(at, 'has a block of zeros between its files');
  }

  #entry(at: number, written: string, sizeBytes: number): TarFileEntry {
    const name = written.replace(/^(\.\/+)+/, '');
    const shown = JSON.stringify(name.slice(0, 200));
    const fault = unfitName(name);
    if (fault !== undefined) throw this.#wrong(at, `contains the file ${shown}, whose name ${fault}`);
    if (this.#names.has(name)) throw this.#wrong(at, `contains the file ${shown} twice`);
    if (this.#names.size === MOST_MEMBERS) throw this.#wrong(at, `contains more than ${MOST_MEMBERS} files`);
    this.#names.add(name);
    return { name, sizeBytes, offsetBytes: at + BLOCK_BYTES };
  }

  async #readExtension(at: number, { type, name, sizeBytes }: TarBlock): Promise<Extension> {
    const refused = REFUSED_TYPES.get(type);
    if (refused !== undefined)
      throw this.#wrong(at, `holds ${JSON.stringify(name.slice(0, 200))}, which is ${refused}`);
    if (!'xXgLK'.includes(type)) throw this.#wrong(at, `has a header of the unknown type ${JSON.stringify(type)}`);
    if (sizeBytes > MOST_META_BYTES) throw this.#wrong(at, `has an extension header of ${sizeBytes} bytes`);
    const content = await readBytes(this.#source, sizeBytes);
    if (content.length < sizeBytes) throw this.#truncated();
    if (type === 'K') return {};
    if (type === 'L') return { name: decodeText(content).replace(/\0+$/, '') };
    return this.#decode(at, () => paxExtension(content, type));
  }

  #decode<Result>(at: number, decode: () => Result): Result {
    try {
      return decode();
    } catch (error) {
      throw error instanceof TarBlockFault ? this.#wrong(at, error.message) : error;
    }
  }

  #wrong(at: number, what: string): Hyper2kvmError {
    return new Hyper2kvmError('image', `The archive ${this.#label} ${what} (at byte ${at}).`, {
      hint: 'It may be damaged, or not an OVA: download it again, or export the VM again.',
    });
  }

  #truncated(): Hyper2kvmError {
    return this.#wrong(this.#source.offsetBytes, 'is truncated: its end-of-archive marker is missing');
  }
}

const REFUSED_TYPES = new Map([
  ['1', 'a hard link'],
  ['2', 'a symbolic link'],
  ['3', 'a device'],
  ['4', 'a device'],
  ['6', 'a named pipe'],
  ['S', 'a sparse file'],
  ['M', 'a part of a file in several archives'],
  ['D', 'a folder of an incremental backup'],
]);

/** `g` applies to all following files, for which a name or a size is meaningless. */
function paxExtension(content: Uint8Array, type: string): Extension {
  const records = decodePaxRecords(content);
  if ([...records.keys()].some((key) => key.startsWith('GNU.sparse.'))) throw new TarBlockFault('holds a sparse file');
  const name = records.get('path');
  const size = records.get('size');
  if (type === 'g') {
    if (name === undefined && size === undefined) return {};
    throw new TarBlockFault('gives one name or size to all files');
  }
  if (size !== undefined && !/^\d{1,15}$/.test(size)) throw new TarBlockFault('has an impossible size');
  return { ...(name === undefined ? {} : { name }), ...(size === undefined ? {} : { sizeBytes: Number(size) }) };
}
