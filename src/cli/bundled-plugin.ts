import { Plugin, type Command, type Interfaces } from '@oclif/core';

/** The parts of the program, in a folder or in a single file. */
export interface Bundle {
  /** The folder with package.json, which may not exist. Nothing is read there. */
  root: string;
  pjson: Interfaces.PJSON;
  manifest: Interfaces.Manifest;
  commands: Readonly<Record<string, () => Promise<Command.Class>>>;
  /** Commands that run without oclif, keyed by the first argument; each writes to standard output. */
  quickAnswers: Readonly<Record<string, (words: readonly string[]) => Promise<void>>>;
}

/**
 * An oclif plugin with all commands, which it knows from the manifest and loads on demand. oclif's default plugin looks
 * for files next to package.json, which a single-file program does not have, and loads all commands to run one.
 */
export class BundledPlugin extends Plugin {
  readonly #bundle: Bundle;

  constructor(bundle: Bundle) {
    super({ root: bundle.root, pjson: bundle.pjson, isRoot: true });
    this.#bundle = bundle;
  }

  override load(): Promise<void> {
    const { root, pjson, manifest } = this.#bundle;
    Object.assign(this, { root, pjson, manifest, name: pjson.name, alias: pjson.name, version: pjson.version });
    Object.assign(this, { type: 'core', tag: undefined, isRoot: true, hasManifest: true, valid: true, hooks: {} });
    this.moduleType = 'module';
    this.commandIDs = Object.keys(manifest.commands);
    this.commands = Object.entries(manifest.commands).map(([id, cached]) => ({
      ...cached,
      load: () => this.findCommand(id, { must: true }),
    }));
    return Promise.resolve();
  }

  override async findCommand(id: string, options: { must: true }): Promise<Command.Class>;
  override async findCommand(id: string, options?: { must: boolean }): Promise<Command.Class | undefined>;
  override async findCommand(id: string, options: { must?: boolean } = {}): Promise<Command.Class | undefined> {
    const command = await this.#bundle.commands[id]?.();
    if (command) return Object.assign(command, { id, plugin: this });
    if (options.must) throw new RangeError(`there is no command ${id}`);
    return undefined;
  }
}
