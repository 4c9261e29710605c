import { chmodSync, cpSync } from 'node:fs';
import { dirname, join } from 'node:path';
import pkg from '@yao-pkg/pkg/lib-es5/sea.js';
import type { Arch, NodeBase } from './node-base.ts';

export interface BinaryOptions {
  arch: Arch;
  base: NodeBase;
  /** The bundle as a CommonJS file. The binary is written to the same folder. */
  bundle: string;
  /**
   * Whether to include V8's code cache of the bundle, which makes the program start faster.
   * Only the V8 that writes a code cache can read it, so it is limited to this machine's architecture. Its bytes differ between builds.
   */
  codeCache: boolean;
}

/** Embeds the bundle in a copy of Node.js. Returns the path of the binary, a program in a single file. */
export async function makeBinary({ arch, base, bundle, codeCache }: BinaryOptions): Promise<string> {
  const folder = dirname(bundle);
  const output = join(folder, `binary-${arch}`);
  // pkg embeds the full path of the bundle in the binary. It works in a folder below TMPDIR, from where a short name is sufficient.
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
    // The second option prevents SIGUSR1 from opening Node's inspector, through which others can run code in the process.
    execArgv: ['--no-warnings', '--disable-sigusr1'],
    // Ignores NODE_OPTIONS, which is meant for other programs. An option that this Node.js does not know would end the program.
    execArgvExtension: 'none',
  };
  const target = { nodeRange: `node${base.version}`, platform: 'linux', arch, output } as const;
  // A base of another architecture cannot run here to write the blob. The local Node.js, which has the same version, writes it.
  return { nodePath: base.path, useLocalNode: !isHost, seaConfig, targets: [target] };
}
