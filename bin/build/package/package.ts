// Builds the standalone binaries and their packages, see docs/packaging.md. Requires Node.js 24: npm run package -- --help
import { cpSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { makeArchive, writeSums } from './archive.ts';
import { makeBinary } from './binary.ts';
import { bundleProgram } from './bundle.ts';
import { DISTRIBUTION_FORMATS, findNfpm, makeDistributionPackage } from './distribution-packages.ts';
import { bundledPackages, licencesText, type BundledPackage } from './licences.ts';
import { ARCHES, prepareNodeBase, type Arch } from './node-base.ts';
import { layOutPayload } from './payload.ts';
import { name, root, version } from './project.ts';
import { releaseProblems } from './release-check.ts';
import { sbomText } from './sbom.ts';
import { sharedFiles } from './shared-files.ts';

const HELP = `Builds ${name} as one file for Linux, and packages of it, into an empty dist-bin. See docs/packaging.md.

  npm run package [-- options]

  --arch ${ARCHES.join('|')}   only for this architecture (both when unset)
  --no-code-cache    the same bytes for the same commit; starts some milliseconds slower
  --binary-only      no archive and no packages
  --no-packages      no .deb and no .rpm, which need Go
  --output FOLDER    instead of dist-bin; it is emptied
  --release          build nothing unless changelog, manifest and working tree are ready for a release
`;

const { values } = parseArgs({
  options: {
    help: { type: 'boolean', short: 'h', default: false },
    arch: { type: 'string', multiple: true, default: [...ARCHES] },
    'code-cache': { type: 'boolean', default: true },
    'binary-only': { type: 'boolean', default: false },
    packages: { type: 'boolean', default: true },
    output: { type: 'string', default: join(root, 'dist-bin') },
    release: { type: 'boolean', default: false },
  },
  allowNegative: true,
});

if (values.help) process.stdout.write(HELP);
else if (await mayBuild()) await buildAll(values.arch.map(archOf), resolve(values.output));

/** Prints what is missing for a release. Only with `--release` is that a failure. */
async function mayBuild(): Promise<boolean> {
  const problems = await releaseProblems();
  for (const problem of problems) process.stderr.write(`Not ready to release ${version}: ${problem}\n`);
  if (problems.length === 0 || !values.release) return true;
  process.exitCode = 1;
  return false;
}

async function buildAll(arches: readonly Arch[], output: string): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'hyper2kvm-package-'));
  try {
    const bundle = join(work, 'bundle.cjs');
    const packages = bundledPackages(await bundleProgram(bundle));
    const shared = await sharedFiles();
    rmSync(output, { recursive: true, force: true });
    mkdirSync(output, { recursive: true });
    const nfpm = values['binary-only'] || !values.packages ? undefined : findNfpm();
    const files: string[] = [];
    for (const arch of arches) {
      const built = await buildBinary({ arch, bundle, packages, shared, output });
      files.push(...built.files);
      if (!values['binary-only']) files.push(archiveBinary(built, output));
      if (nfpm && 'path' in nfpm) files.push(...packBinary(built, nfpm.path, output));
    }
    writeSums(output, files);
    for (const file of files) say(`${file}  ${(statSync(join(output, file)).size / 1e6).toFixed(1)} MB`);
    if (nfpm && 'missing' in nfpm) {
      say(`Error: cannot make the .deb and .rpm packages: ${nfpm.missing}.`);
      say('Install Go 1.21 or later, or use --no-packages. Everything else was made.');
      process.exitCode = 1;
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

interface BuildOptions {
  arch: Arch;
  bundle: string;
  packages: readonly BundledPackage[];
  shared: Readonly<Record<string, string>>;
  output: string;
}

interface Built {
  arch: Arch;
  /** The folder with the content of archives and packages. */
  payload: string;
  /** The names of the files in the output folder. */
  files: string[];
}

async function buildBinary({ arch, bundle, packages, shared, output }: BuildOptions): Promise<Built> {
  const title = `${name}-${version}-linux-${arch}`;
  const work = dirname(bundle);
  const base = prepareNodeBase(arch, work);
  say(`${title}: Node.js ${base.version}, ${base.strippedBy ? `stripped by ${base.strippedBy}` : 'not stripped'}`);
  const binary = await makeBinary({ arch, base, bundle, codeCache: values['code-cache'] });
  const licences = licencesText(packages, base);
  const sbom = sbomText(packages, base);
  const payload = join(work, title);
  layOutPayload(payload, { binary, licences, sbom, shared });
  cpSync(binary, join(output, title));
  writeFileSync(join(output, `${title}.cdx.json`), sbom);
  writeFileSync(join(output, `${title}.licences.txt`), licences);
  return { arch, payload, files: [title, `${title}.cdx.json`, `${title}.licences.txt`] };
}

/** Creates the archive and returns its name. */
function archiveBinary({ payload }: Built, output: string): string {
  const archive = `${basename(payload)}.tar.gz`;
  makeArchive(payload, join(output, archive));
  return archive;
}

/** Creates the packages and returns their names. */
function packBinary({ arch, payload }: Built, nfpm: string, output: string): string[] {
  return DISTRIBUTION_FORMATS.map((format) => makeDistributionPackage(nfpm, { format, arch, payload, target: output }));
}

function archOf(word: string): Arch {
  const found = ARCHES.find((arch) => arch === word);
  if (found === undefined) throw new TypeError(`--arch is ${ARCHES.join(' or ')}, not ${word}`);
  return found;
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
