import { posix } from 'node:path';
import { Hyper2kvmError } from '../../../../base/errors.ts';
import type { GuestTree } from '../../../guest-tree.ts';

/** Linux treats more links in one path as a loop. */
const MOST_LINKS = 40;

/**
 * The files of an initramfs, with links resolved as in the kernel. All names are kept; content only for potential
 * configuration files.
 */
export class ArchiveTree implements GuestTree {
  /** Paths without a leading `/`. */
  readonly #files: ReadonlyMap<string, Buffer | undefined>;
  readonly #links: ReadonlyMap<string, string>;
  readonly #names = new Map<string, Set<string>>([['', new Set()]]);

  constructor(
    files: ReadonlyMap<string, Buffer | undefined>,
    links: ReadonlyMap<string, string>,
    folders: ReadonlySet<string>,
  ) {
    this.#files = files;
    this.#links = links;
    for (const folder of folders) if (!this.#names.has(folder)) this.#names.set(folder, new Set());
    for (const path of [...files.keys(), ...links.keys(), ...folders]) this.#addNames(path);
  }

  /** All paths of files and links, absolute and unresolved. */
  paths(): string[] {
    return [...this.#files.keys(), ...this.#links.keys()].map((path) => `/${path}`);
  }

  async read(path: string): Promise<string | undefined> {
    return (await this.readBytes(path, Number.MAX_SAFE_INTEGER))?.toString('latin1');
  }

  async readBytes(path: string, mostBytes: number): Promise<Buffer | undefined> {
    const found = this.#resolve(path);
    if (found === undefined || !this.#files.has(found)) return undefined;
    const bytes = this.#files.get(found);
    if (bytes !== undefined && bytes.length <= mostBytes) return bytes;
    throw new Hyper2kvmError('guest', `${path} in the initramfs is too long to be a configuration file.`);
  }

  async isFile(path: string): Promise<boolean> {
    return this.#files.has(this.#resolve(path) ?? '');
  }

  async isFolder(path: string): Promise<boolean> {
    return this.#names.has(this.#resolve(path) ?? '/');
  }

  async list(folder: string): Promise<string[]> {
    return [...(this.#names.get(this.#resolve(folder) ?? '/') ?? [])].toSorted();
  }

  async find(folder: string, name: RegExp): Promise<string[]> {
    return (await this.list(folder)).filter((entry) => name.test(entry)).map((entry) => posix.join(folder, entry));
  }

  async linkTarget(path: string): Promise<string | undefined> {
    const folder = this.#resolve(posix.dirname(path));
    if (folder === undefined) return undefined;
    return this.#links.get(posix.join('/', folder, posix.basename(path)).slice(1));
  }

  async realPath(path: string): Promise<string> {
    const found = this.#resolve(path);
    return found === undefined ? path : `/${found}`;
  }

  #addNames(path: string): void {
    for (let below = path; below !== '';) {
      const at = below.lastIndexOf('/');
      const folder = at < 0 ? '' : below.slice(0, at);
      const names = this.#names.get(folder) ?? new Set();
      this.#names.set(folder, names);
      const name = below.slice(at + 1);
      if (names.has(name)) return;
      names.add(name);
      below = folder;
    }
  }

  /** The path without links and without a leading `/`; undefined if it does not exist. */
  #resolve(path: string): string | undefined {
    let left = path.split('/');
    let at = '';
    let links = 0;
    while (left.length > 0) {
      const [name = '', ...rest] = left;
      left = rest;
      if (name === '' || name === '.') continue;
      const next = name === '..' ? parentOf(at) : at === '' ? name : `${at}/${name}`;
      const target = this.#links.get(next);
      if (target === undefined) {
        if (!this.#files.has(next) && !this.#names.has(next)) return undefined;
        at = next;
        continue;
      }
      links += 1;
      if (links > MOST_LINKS) return undefined;
      if (target.startsWith('/')) at = '';
      left = [...target.split('/'), ...left];
    }
    return at;
  }
}

function parentOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '';
}
