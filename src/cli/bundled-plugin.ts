import { Plugin, type Command, type Interfaces } from '@oclif/core';

/** What the program is made of, in a folder or in one file. */
export interface Bundle {
  /** Where package.json lies, or would. Nothing is read there. */
  root: string;
  pjson: Interfaces.PJSON;
  manifest: Interfaces.Manifest;
  commands: Readonly<Record<string, () => Promise<Command.Class>>>;
  /** Answers that do without oclif, by the first word of the command line; each writes its own to standard output. */
  quickAnswers: Readonly<Record<string, (words: readonly string[]) => Promise<void>>>;
}

/**
 * oclif's plugin of all commands, which it knows from the manifest and loads one by one. oclif's own looks for files beside package.json, which a program in one file does not
 * have, and loads all commands to run one.
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
