import type { Guestfs } from '../guestfs.ts';

/** The open hive of a session, which supports one at a time. */
export class Hive {
  readonly #session: Guestfs;
  readonly #root: string;

  constructor(session: Guestfs, root: string) {
    this.#session = session;
    this.#root = root;
  }

  /** A string value; undefined if it does not exist. */
  async text(keys: readonly string[], name: string): Promise<string | undefined> {
    const value = await this.#value(keys, name);
    return value === undefined ? undefined : await this.#session.text(['hivex-value-string', value]);
  }

  /** A `REG_DWORD`; undefined if it does not exist. */
  async number(keys: readonly string[], name: string): Promise<number | undefined> {
    const value = await this.#value(keys, name);
    if (value === undefined) return undefined;
    const bytes = await this.#session.call(['hivex-value-value', value]);
    return bytes.length === 4 ? bytes.readUInt32LE(0) : undefined;
  }

  async #value(keys: readonly string[], name: string): Promise<string | undefined> {
    let node = this.#root;
    for (const key of keys) {
      node = await this.#session.text(['hivex-node-get-child', node, key]);
      if (node === '0') return undefined;
    }
    const value = await this.#session.text(['hivex-node-get-value', node, name]);
    return value === '0' ? undefined : value;
  }
}

/** Reads a hive of the mounted Windows; undefined if there is no readable one. */
export async function readHive<Result>(
  session: Guestfs,
  path: string,
  read: (hive: Hive) => Promise<Result>,
): Promise<Result | undefined> {
  if ((await session.attempt(['hivex-open', path])) === undefined) return undefined;
  try {
    return await read(new Hive(session, await session.text(['hivex-root'])));
  } finally {
    await session.call(['hivex-close']);
  }
}
