import { fileURLToPath } from 'node:url';
import { build, type BuildOptions, type Metafile } from 'esbuild';

const root = new URL('../../../', import.meta.url);

/**
 * In CommonJS, which single executable applications require, `import()` stays lazy. A banner defines
 * `import.meta.url`, which CommonJS does not have.
 */
const OPTIONS = {
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node24',
  minify: true,
  keepNames: true,
  legalComments: 'none',
  // oclif loads it only to transpile sources, which is disabled.
  external: ['typescript'],
  absWorkingDir: fileURLToPath(root),
  banner: { js: "const __import_meta_url = require('node:url').pathToFileURL(__filename).href;" },
  logLevel: 'warning',
  metafile: true,
} as const satisfies BuildOptions;

const IMPORT_META = { 'import.meta.url': '__import_meta_url' };

/** Bundles the copy worker into CommonJS text that a `Worker` evaluates. */
export async function bundleWorker(): Promise<{ text: string; metafile: Metafile }> {
  const { outputFiles, metafile } = await build({
    ...OPTIONS,
    entryPoints: ['src/image/copy/copy-worker.ts'],
    define: IMPORT_META,
    write: false,
  });
  return { text: outputFiles[0]?.text ?? '', metafile };
}

/** Bundles the program into one CommonJS file, with the worker's bundle embedded as text. Returns the metafiles, which list all inputs. */
export async function bundleProgram(outfile: string): Promise<Metafile[]> {
  const worker = await bundleWorker();
  const program = await build({
    ...OPTIONS,
    entryPoints: ['bin/standalone.ts'],
    define: { ...IMPORT_META, BUNDLED_COPY_WORKER: JSON.stringify(worker.text) },
    outfile,
  });
  return [program.metafile, worker.metafile];
}
