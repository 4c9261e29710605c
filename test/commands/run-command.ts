import { readFileSync } from 'node:fs';
import { Secret } from '../../src/base/text/secret.ts';
import { fileURLToPath } from 'node:url';
import { jest } from '@jest/globals';
import { Config, settings, type Command } from '@oclif/core';
import type { ConnectionSettings } from '../../src/vsphere/connection/connection-settings.ts';

export interface CommandRun {
  stdout: string;
  stderr: string;
  exitCode: number;
}

/** A command class that can be instantiated and run. Its constructor is oclif's. */
interface Runnable {
  id: string;
  run(argv: string[], config: Config): Promise<unknown>;
}

const root = fileURLToPath(new URL('../../', import.meta.url));

export const CONNECTION: ConnectionSettings = {
  url: new URL('https://vc.example.com/sdk'),
  username: 'joe',
  password: () => Promise.resolve(new Secret('geheim')),
  trust: { insecure: false, thumbprint: undefined, caFiles: [], onlyCaFiles: [], knownHostsFiles: [] },
  timeoutMs: 60_000,
};

/** Runs a command in this process and captures standard output and error. Returns and then restores `process.exitCode`. */
export async function runCommand(
  command: Runnable & Pick<typeof Command, 'flags'>,
  id: string,
  argv: string[],
): Promise<CommandRun> {
  settings.enableAutoTranspile = false;
  const pjson = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
  const config = await Config.load({
    root,
    pjson: { ...pjson, oclif: { ...pjson.oclif, commands: undefined } },
    ignoreManifest: true,
  });
  const caught = { stdout: '', stderr: '' };
  const exitCodeBefore = process.exitCode;
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    jest.spyOn(process[name], 'write').mockImplementation((chunk) => {
      caught[name] += String(chunk);
      return true;
    }),
  );
  command.id = id;
  // Ignore the developer's configuration file and settings.
  for (const name of Object.keys(process.env)) if (/^(HYPER2KVM|GOVC)_/.test(name)) delete process.env[name];
  process.env['XDG_CONFIG_HOME'] = '/nonexistent';
  process.exitCode = 0;
  // Nobody answers questions, even when the tests run on a terminal.
  const { isTTY } = process.stdin;
  process.stdin.isTTY = false;
  try {
    await command.run(argv, config);
    return { ...caught, exitCode: process.exitCode };
  } finally {
    process.stdin.isTTY = isTTY;
    process.exitCode = exitCodeBefore;
    for (const spy of spies) spy.mockRestore();
  }
}
