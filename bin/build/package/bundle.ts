import { fileURLToPath } from 'node:url';
import { build, type BuildOptions, type Metafile } from 'esbuild';

const root = new URL('../../../', import.meta.url);

/** `import()` stays lazy in CommonJS, which is what a single executable runs; `import.meta.url` is set by a banner, since CommonJS has none. */
const OPTIONS = {
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node24',
  minify: true,
  keepNames: true,
  legalComments: 'none',
  // oclif asks for it where it would translate sources, which is switched off.
  external: ['typescript'],
  absWorkingDir: fileURLToPath(root),
  banner: { js: "const __import_meta_url = require('node:url').pathToFileURL(__filename).href;" },
  logLevel: 'warning',
  metafile: true,
} as const satisfies BuildOptions;

const IMPORT_META = { 'import.meta.url': '__import_meta_url' };

/** Bundles the program into one CommonJS file, the worker's bundle as a text inside it. What went into it is in the metafile. */
export async function bundleProgram(outfile: string): Promise<Metafile[]> {
  const worker = await build({
    ...OPTIONS,
    entryPoints: ['src/image/copy/copy-worker.ts'],
    define: IMPORT_META,
    write: false,
  });
  const program = await build({
    ...OPTIONS,
    entryPoints: ['bin/standalone.ts'],
    define: { ...IMPORT_META, BUNDLED_COPY_WORKER: JSON.stringify(worker.outputFiles[0]?.text) },
    outfile,
  });
  return [program.metafile, worker.metafile];
}
