import { chmodSync, cpSync } from 'node:fs';
import { dirname, join } from 'node:path';
import pkg from '@yao-pkg/pkg/lib-es5/sea.js';
import type { Arch, NodeBase } from './node-base.ts';

export interface BinaryOptions {
  arch: Arch;
  base: NodeBase;
  /** One CommonJS file. The binary is put beside it. */
  bundle: string;
  /**
   * V8's compiled form of the bundle, which saves start-up time, is written by the same V8 that reads it: only for the architecture of this machine. It differs from build to build.
   */
  codeCache: boolean;
}

/** Puts the bundle into a copy of Node.js, and gives its path: a program that is one file. */
export async function makeBinary({ arch, base, bundle, codeCache }: BinaryOptions): Promise<string> {
  const folder = dirname(bundle);
  const output = join(folder, `binary-${arch}`);
  // pkg names the bundle by its full path, which then stands in the binary; it works in a folder of its own below TMPDIR, and
  // from there a short name does.
  cpSync(bundle, join(folder, MAIN));
  const before = process.env['TMPDIR'];
  process.env['TMPDIR'] = folder;
  try {
    await pkg.default(bundle, optionsOf({ arch, base, bundle, codeCache }, output));
  } finally {
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
  }
  chmodSync(output, 0o755);
  return output;
}

const MAIN = 'hyper2kvm.cjs';

function optionsOf({ arch, base, codeCache }: BinaryOptions, output: string): Parameters<typeof pkg.default>[1] {
  const isHost = arch === process.arch;
  if (!isHost && process.versions.node !== base.version) {
    throw new Error(`Node.js ${base.version} has to run this to build for ${arch}; this is ${process.version}.`);
  }
  const seaConfig = {
    main: `../${MAIN}`,
    useCodeCache: codeCache && isHost,
    useSnapshot: false,
    disableExperimentalSEAWarning: true,
    // Without the second one SIGUSR1 opens Node's inspector, through which others can run code in the program.
    execArgv: ['--no-warnings', '--disable-sigusr1'],
    // NODE_OPTIONS belongs to other programs; a word in it that this Node does not take would end this one.
    execArgvExtension: 'none',
  };
  const target = { nodeRange: `node${base.version}`, platform: 'linux', arch, output } as const;
  // A base of another architecture cannot be run to write the blob: this Node writes it, which is of the same version.
  return { nodePath: base.path, useLocalNode: !isHost, seaConfig, targets: [target] };
}
