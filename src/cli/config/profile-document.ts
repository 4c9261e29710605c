import { LineCounter, isAlias, isMap, isScalar, isSeq, parseDocument, type Document, type Node } from 'yaml';
import { Hyper2kvmError } from '../../base/errors.ts';
import { readSecret, type Secret } from '../../base/text/secret.ts';
import { nearWord } from '../text/near-word.ts';
import type { Keys, KnownKeys } from './known-keys.ts';
import type { Profile, SettingValue, Settings } from './profile.ts';
import { readSetting } from './setting-value.ts';

/** A key with its location, and its value with aliases resolved. */
interface Entry {
  key: string;
  line: number;
  value: Node | null;
}

/** A map that merges itself would recurse forever. */
const DEEPEST_MERGE = 10;

/**
 * Parses all profiles of a configuration file. Checks every key of every profile, so that a mistake is found when it is
 * made and not in a scheduled run.
 * @throws usage errors with file, line and key.
 */
export function readProfiles(text: string, file: string, known: KnownKeys, home: string | undefined): Profile[] {
  return new ProfileDocument(text, file, known, home).profiles();
}

class ProfileDocument {
  readonly #file: string;
  readonly #known: KnownKeys;
  readonly #home: string | undefined;
  readonly #lines = new LineCounter();
  readonly #document: Document.Parsed;

  constructor(text: string, file: string, known: KnownKeys, home: string | undefined) {
    this.#file = file;
    this.#known = known;
    this.#home = home;
    // Pretty errors quote the source, which may contain a password.
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false });
    const [error] = this.#document.errors;
    if (error === undefined) return;
    const { line, col } = this.#lines.linePos(error.pos[0]);
    const what = error.code === 'DUPLICATE_KEY' ? 'duplicate key' : `not valid YAML (${error.code})`;
    throw configError(
      file,
      line,
      `${what}, at column ${col}.`,
      'Indent with spaces, and quote values that contain special characters.',
    );
  }

  profiles(): Profile[] {
    const top = this.#entries(this.#document.contents, 1, 'The file');
    const wrong = top.find(({ key }) => key !== 'profiles');
    if (wrong !== undefined) throw this.#unknown(wrong, 'the file', ['profiles']);
    const named = top.flatMap(({ value, line }) => this.#entries(value, line, 'profiles'));
    return named.map((entry) => this.#profile(entry));
  }

  #profile({ key: name, line, value }: Entry): Profile {
    const server = new Map<string, SettingValue>();
    const commands = new Map<string, Settings>();
    let password: Secret | undefined;
    for (const entry of this.#entries(value, line, `The profile ${name}`)) {
      const section = this.#known.commands.get(entry.key);
      if (section === undefined) {
        const setting = this.#setting(entry, this.#known.server, `the profile ${name}`);
        if (entry.key === 'password') password = readSecret(String(setting), `the profile ${name} in ${this.#file}`);
        else server.set(entry.key, setting);
      } else commands.set(entry.key, this.#section(entry, section));
    }
    if (password !== undefined && server.has('password-file')) {
      throw configError(this.#file, line, `the profile ${name} has both password and password-file.`, 'Keep one.');
    }
    return { name, file: this.#file, server, ...(password && { password }), commands };
  }

  #section({ key: command, line, value }: Entry, keys: Keys): Settings {
    const entries = this.#entries(value, line, command);
    return new Map(entries.map((entry) => [currentName(entry.key, keys), this.#setting(entry, keys, command)]));
  }

  #setting(entry: Entry, keys: Keys, place: string): SettingValue {
    const type = keys.get(entry.key);
    if (type === undefined)
      throw this.#unknown(
        entry,
        place,
        [...keys.keys()].filter((key) => !isOld(key, keys)),
      );
    const value = isSeq(entry.value) ? entry.value.items.map((item) => this.#resolved(item)) : entry.value;
    const setting = readSetting(value, type, this.#home);
    if ('value' in setting) return setting.value;
    throw configError(this.#file, entry.line, `${entry.key} must be ${setting.wanted}.`, setting.hint);
  }

  #unknown({ key, line }: Entry, place: string, names: readonly string[]): Error {
    const { commands } = this.#known;
    const isProfile = names.includes('url');
    const near = nearWord(key, isProfile ? [...names, ...commands.keys()] : names);
    const owners = isProfile ? [...commands].filter(([, keys]) => keys.has(key)).map(([id]) => id) : [];
    const hint =
      owners.length > 0
        ? `It belongs under ${owners.map((id) => `${id}:`).join(' or ')} in the profile.`
        : near !== undefined
          ? `Did you mean ${near}?`
          : `The settings are ${names.join(', ')}${isProfile ? `; and, with settings under them, ${[...commands.keys()].join(', ')}` : ''}.`;
    return configError(this.#file, line, `${place} has no setting ${JSON.stringify(key)}.`, hint);
  }

  /** The entries of a map, including those merged by `<<`; an empty value has none. */
  #entries(value: unknown, line: number, what: string, depth = 0): Entry[] {
    const node = this.#resolved(value);
    if (node === null || (isScalar(node) && node.value === null)) return [];
    if (!isMap(node) || depth > DEEPEST_MERGE)
      throw configError(this.#file, line, `${what} must contain settings, as key: value.`);
    const merged = new Map<string, Entry>();
    const own: Entry[] = [];
    for (const pair of node.items) {
      const at = isScalar(pair.key) && pair.key.range ? this.#lines.linePos(pair.key.range[0]).line : line;
      const key = isScalar(pair.key) ? String(pair.key.value) : '';
      const entry = { key, line: at, value: this.#resolved(pair.value) };
      if (key !== '<<') own.push(entry);
      else {
        const sources = isSeq(entry.value) ? entry.value.items : [entry.value];
        // If several sources have a key, the first one wins.
        for (const source of sources.toReversed()) {
          for (const each of this.#entries(source, at, '<<', depth + 1)) merged.set(each.key, each);
        }
      }
    }
    for (const entry of own) merged.set(entry.key, entry);
    return [...merged.values()];
  }

  #resolved(value: unknown): Node | null {
    if (isAlias(value)) return value.resolve(this.#document) ?? null;
    return isMap(value) || isSeq(value) || isScalar(value) ? value : null;
  }
}

function currentName(key: string, keys: Keys): string {
  return keys.get(key)?.now ?? key;
}

function isOld(key: string, keys: Keys): boolean {
  return keys.get(key)?.now !== undefined;
}

/** A mistake in the configuration file, with its location. The message never quotes a value, which may be a password. */
function configError(file: string, line: number, sentence: string, hint?: string): Hyper2kvmError {
  return new Hyper2kvmError('usage', `${file}, line ${line}: ${sentence}`, hint === undefined ? {} : { hint });
}
