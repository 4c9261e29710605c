import { posix } from 'node:path';
import { blsEntriesOf } from './grub-bls.ts';
import { searchDevice } from './grub-search.ts';
import { grubTest } from './grub-test.ts';
import { grubFile, grubPath, GrubVariables, loadEnvironment, type Subject } from './grub-environment.ts';
import { chosenPath, menuItem, scopeOf, selectedItem, type MenuItem, type Scope } from './grub-menu.ts';
import { GrubSyntaxError, parseGrubScript, type ScriptWord, type Statement } from './grub-script.ts';
import { MOST_ENTRIES, type BootEntry, type KernelWord, type LoaderConfig, type SourcePlace } from '../boot-entry.ts';
import { entryFile, loaderPath } from '../loaders/loader-path.ts';

const MOST_DEPTH = 24;
/** A real configuration runs a few thousand. */
const MOST_COMMANDS = 200_000;
const GOES_ON = new Set(['configfile', 'extract_entries_configfile', 'normal']);

/** The menu that GRUB 2 builds from a configuration with the given firmware. `file` is a guest path without links. */
export async function readGrubConfig(file: string, subject: Subject): Promise<LoaderConfig> {
  return await new GrubRun(subject).read(file);
}

class GrubRun {
  readonly #subject: Subject;
  readonly #functions = new Map<string, readonly Statement[]>();
  readonly #problems: LoaderConfig['problems'][number][] = [];
  #commands = 0;
  /** The failed query of the last `search`; cleared when a `search` finds a device. */
  #failedSearch: string | undefined;

  constructor(subject: Subject) {
    this.#subject = subject;
  }

  async read(file: string): Promise<LoaderConfig> {
    const place = loaderPath(posix.dirname(file), this.#subject);
    const entries: BootEntry[] = [];
    if (place) {
      const { hardware, devices } = this.#subject;
      const variables = GrubVariables.initial(place, hardware.firmware, devices);
      const scope: Scope = { file, variables, menu: [], loaded: { initramfs: [], words: [] }, depth: 0 };
      await this.#runFile(file, scope);
      await this.#collect(scope.menu, chosenPath(variables), entries, 0);
    }
    return { loader: 'grub', file, entries, problems: this.#problems };
  }

  async #runFile(file: string, scope: Scope): Promise<boolean> {
    const text = await this.#subject.files.read(file);
    if (text === undefined) return false;
    try {
      return await this.#run(parseGrubScript(text), { ...scope, file });
    } catch (error) {
      if (!(error instanceof GrubSyntaxError)) throw error;
      this.#problems.push({
        file,
        line: error.line,
        verdict: 'unknown',
        reason: `It cannot be read: ${error.message}.`,
      });
      return false;
    }
  }

  async #run(statements: readonly Statement[], scope: Scope): Promise<boolean> {
    let status = true;
    for (const statement of statements) status = await this.#runOne(statement, scope);
    return status;
  }

  async #runOne(statement: Statement, scope: Scope): Promise<boolean> {
    switch (statement.kind) {
      case 'command':
        return await this.#command(statement, scope);
      case 'if':
        for (const { condition, body } of statement.clauses) {
          if (await this.#run(condition, scope)) return await this.#run(body, scope);
        }
        return await this.#run(statement.otherwise, scope);
      case 'for':
        for (const { text, file, line } of this.#expand(statement.words, scope)) {
          scope.variables.set(statement.variable, { text, file, line });
          await this.#run(statement.body, scope);
        }
        return true;
      case 'function':
        this.#functions.set(statement.name, statement.body);
        return true;
      case 'while':
        return this.#problem(scope.file, statement.line, 'unknown', 'A loop with while or until is not followed.');
    }
  }

  #problem(file: string, line: number, verdict: 'not-ready' | 'unknown', reason: string): false {
    this.#problems.push({ file, line, verdict, reason });
    return false;
  }

  #expand(words: readonly ScriptWord[], { variables, file }: Scope): KernelWord[] {
    return words.flatMap((word) => variables.expand(word, file));
  }

  async #command(statement: Statement & { kind: 'command' }, scope: Scope): Promise<boolean> {
    this.#commands += 1;
    const { line } = statement;
    if (this.#commands > MOST_COMMANDS) throw new GrubSyntaxError(line, 'it runs too long');
    const words = this.#expand(statement.words, scope);
    const [name = '', ...args] = words.map(({ text }) => text);
    const { variables, file } = scope;
    const { block } = statement;
    if (block) {
      const isItem = (name === 'menuentry' || name === 'submenu') && scope.menu.length < MOST_ENTRIES;
      if (isItem) scope.menu.push(menuItem(name, args, { file, line, body: block, variables }));
      return true;
    }
    const assigned = (name === 'set' ? args[0] : name) ?? '';
    const [, variable, value] = /^([A-Za-z_?]\w*)=([^]*)$/.exec(assigned) ?? [];
    if (variable !== undefined && value !== undefined) {
      variables.set(variable, { text: value, file, line });
      return true;
    }
    const body = this.#functions.get(name);
    if (body && scope.depth < MOST_DEPTH) return await this.#run(body, { ...scope, depth: scope.depth + 1 });
    if (GOES_ON.has(name) || name === 'source' || name === '.')
      return await this.#otherFile(name, args[0], line, scope);
    if (name.startsWith('search')) return this.#search(name, args, line, scope);
    return await this.#simple(name, args, words, line, scope);
  }

  async #simple(
    name: string,
    args: readonly string[],
    words: readonly KernelWord[],
    line: number,
    scope: Scope,
  ): Promise<boolean> {
    const { variables, file, loaded } = scope;
    if (name === '[') return await grubTest(args.at(-1) === ']' ? args.slice(0, -1) : args, variables, this.#subject);
    if (name === 'test') return await grubTest(args, variables, this.#subject);
    if (name === '!') return !(await this.#simple(args[0] ?? '', args.slice(1), words.slice(1), line, scope));
    if (name === 'export') args.forEach((each) => variables.export(each));
    else if (name === 'unset') args.forEach((each) => variables.unset(each));
    else if (name === 'load_env') await loadEnvironment(args, variables, this.#subject);
    else if (name === 'blscfg') await this.#addBls(scope);
    else if (/^linux(16|efi)?$/.test(name)) {
      const [kernel, ...rest] = words.slice(1).filter(({ text }) => !text.startsWith('--'));
      loaded.kernel = kernel && (await this.#file(kernel.text, { file, line }, variables));
      loaded.words = rest;
    } else if (/^initrd(16|efi)?$/.test(name)) {
      const images = args.filter((each) => !each.startsWith('--') && !each.startsWith('newc:'));
      loaded.initramfs = [];
      for (const image of images) loaded.initramfs.push(await this.#file(image, { file, line }, variables));
    }
    // Other commands change the screen, load modules, or query the firmware: they succeed.
    return name !== 'false' && name !== 'keystatus';
  }

  async #file(
    written: string,
    place: SourcePlace,
    variables: GrubVariables,
  ): Promise<NonNullable<BootEntry['kernel']>> {
    const found = await entryFile(written, grubPath(written, variables, this.#subject), place, this.#subject);
    if (found.state === 'there' || this.#failedSearch === undefined) return found;
    return { ...found, state: 'missing', reason: `${this.#failedSearch}, and ${found.reason ?? 'it is not there'}` };
  }

  async #otherFile(name: string, written: string | undefined, line: number, scope: Scope): Promise<boolean> {
    const { variables, file } = scope;
    if (written === undefined) return true;
    if (scope.depth >= MOST_DEPTH) return this.#problem(file, line, 'unknown', 'It reads itself without end.');
    const path = grubFile(written, variables, this.#subject);
    const isThere = path !== undefined && (await this.#subject.files.isFile(path));
    if (!isThere) {
      // Configurations test an optional file with `[ -f ...]` first.
      const why = this.#failedSearch === undefined ? '' : `: ${this.#failedSearch}`;
      return this.#problem(file, line, 'not-ready', `GRUB continues with ${written}, which is not there${why}.`);
    }
    const real = await this.#subject.files.realPath(path);
    if (!GOES_ON.has(name)) return await this.#runFile(real, { ...scope, depth: scope.depth + 1 });
    // The new menu replaces this one.
    const next = { ...scope, variables: variables.exportedOnly(), menu: [] as MenuItem[], depth: scope.depth + 1 };
    const status = await this.#runFile(real, next);
    scope.menu.splice(0, scope.menu.length, ...next.menu);
    const chosen = next.variables.get('default');
    if (chosen) variables.set('default', chosen);
    return status;
  }

  #search(name: string, args: readonly string[], line: number, { variables, file }: Scope): boolean {
    const { variable, device, sought } = searchDevice(name, args, variables, this.#subject);
    if (device !== undefined) {
      variables.set(variable, { text: device, file, line });
      this.#failedSearch = undefined;
      return true;
    }
    this.#failedSearch = `search finds no device with the ${sought} (line ${line} of ${file})`;
    return false;
  }

  async #addBls({ menu, variables }: Scope): Promise<void> {
    for (const { id, entry } of await blsEntriesOf(variables, this.#subject)) {
      if (menu.length >= MOST_ENTRIES) return;
      const { title, file, line } = entry;
      menu.push({ kind: 'entry', title, id, file, line, entry, body: [], arguments: [], variables });
    }
  }

  /**
   * Runs every item of the menu, as if each entry were started. `chosen` is undefined if the default is in another
   * menu.
   */
  async #collect(
    menu: readonly MenuItem[],
    chosen: readonly string[] | undefined,
    entries: BootEntry[],
    depth: number,
  ): Promise<void> {
    const selected = chosen && selectedItem(menu, chosen[0] ?? '0');
    for (const item of menu) {
      if (entries.length >= MOST_ENTRIES) return;
      const isSelected = item === selected;
      if (item.entry) entries.push({ ...item.entry, isDefault: isSelected });
      else if (item.kind === 'entry') entries.push(await this.#start(item, isSelected));
      else if (depth < MOST_DEPTH) {
        const scope = scopeOf(item);
        await this.#run(item.body, scope);
        await this.#collect(scope.menu, isSelected ? chosen?.slice(1) : undefined, entries, depth + 1);
      }
    }
  }

  async #start(item: MenuItem, isDefault: boolean): Promise<BootEntry> {
    const scope = scopeOf(item);
    this.#failedSearch = undefined;
    await this.#run(item.body, scope);
    const { kernel, initramfs, words } = scope.loaded;
    const { title, file, line } = item;
    return { loader: 'grub', title, file, line, kernel, initramfs, commandLine: words, isDefault };
  }
}
