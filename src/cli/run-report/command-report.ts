import { constants } from 'node:fs';
import { access, lstat, open, readFile, stat } from 'node:fs/promises';
import { dirname, extname } from 'node:path';
import { writeFileAtomically } from '../../base/files/atomic-file.ts';
import { errnoOf, localFileError } from '../../base/files/local-file-error.ts';
import { Hyper2kvmError, sentenceOf } from '../../base/errors.ts';
import { readMode } from '../input/option-values.ts';
import type { CommandOutputOptions } from '../log/command-log.ts';
import type { ErrorReport } from '../text/error-report.ts';
import type { ReportedDocument } from './document-rows.ts';
import type { ReportItem, ReportNote, RunReport } from './report-rows.ts';

/** A kind of report: the first bytes of such a file, and its content. */
interface ReportKind {
  mark: string;
  write: (report: RunReport) => string;
}

const KINDS: Readonly<Record<string, () => Promise<ReportKind>>> = {
  '.html': async () => {
    const { HTML_MARK, htmlReport } = await import('./html-report.ts');
    return { mark: HTML_MARK, write: htmlReport };
  },
  '.md': async () => {
    const { MARKDOWN_MARK, markdownReport } = await import('./markdown-report.ts');
    return { mark: MARKDOWN_MARK, write: markdownReport };
  },
  '.csv': async () => {
    const { CSV_HEADER, csvReport } = await import('./csv-report.ts');
    return { mark: CSV_HEADER, write: csvReport };
  },
};

/** A screenshot of a guest with a large screen is below a megabyte. */
const MOST_PICTURE_BYTES = 8 * 1024 * 1024;
const PNG = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** The report of a command. Nothing is written without `--report`, for a dry run, or before the flags are parsed. */
export class CommandReport {
  #options: CommandOutputOptions | undefined;
  #target: { path: string; kind: ReportKind; mode: number | undefined } | undefined;
  #startedAt = new Date();
  #document: ReportedDocument | undefined;
  #error: ErrorReport | undefined;

  /**
   * Checks whether the report can be written, so that the user learns it before the run.
   * @throws usage errors; Hyper2kvmError `local-file`.
   */
  async open(options: CommandOutputOptions): Promise<void> {
    const { report: path, force, mode, 'dry-run': isDryRun } = options.flags;
    if (typeof path !== 'string') return;
    const load = KINDS[extname(path).toLowerCase()];
    if (load === undefined) {
      throw new Hyper2kvmError('usage', `--report ${path}: the extension must be .html, .md or .csv.`, {
        hint: 'The extension decides the kind of report, such as --report run.html.',
      });
    }
    if (isDryRun === true) return;
    const kind = await load();
    await checkPlace(path, kind.mark, force);
    this.#target = { path, kind, mode: typeof mode === 'string' ? readMode('--mode', mode) : undefined };
    this.#options = options;
    this.#startedAt = new Date();
  }

  /** The result of the command, or what there is of it when the run was interrupted. */
  take(document: ReportedDocument): void {
    this.#document = document;
  }

  /** The error with which the command ends. */
  fail(error: ErrorReport): void {
    this.#error = error;
  }

  /** Writes the report. A failure is a warning: the work of the run is done, as with the log. */
  async close(exitCode: number, warnings: readonly string[]): Promise<void> {
    if (this.#target === undefined || this.#options === undefined) return;
    const { path, kind, mode } = this.#target;
    try {
      const report = await this.#report(this.#options, exitCode, warnings);
      await writeFileAtomically(path, kind.write(report), mode === undefined ? {} : { mode });
    } catch (error) {
      this.#options.onProblem(`The report is missing. ${sentenceOf(error)}`);
    }
  }

  async #report(
    { command, version, clean }: CommandOutputOptions,
    exitCode: number,
    warnings: readonly string[],
  ): Promise<RunReport> {
    const { itemsOf, runFacts } = await import('./document-rows.ts');
    const items = this.#document === undefined ? [] : itemsOf(this.#document).map((item) => cleaned(item, clean));
    for (const { picture, notes } of items) {
      if (picture === undefined) continue;
      picture.data = await readPicture(picture.path).catch((error: unknown) => {
        notes.push({ level: 'warning', text: sentenceOf(localFileError('read the screenshot', picture.path, error)) });
        return undefined;
      });
    }
    // The error of a single VM is also that of the command, and the warnings of all VMs are also those of the run.
    const known = new Set(items.flatMap(({ notes }) => notes.map(keyOf)));
    const error = this.#error && [this.#error.message, this.#error.hint].filter(Boolean).join(' ');
    return {
      command,
      version,
      startedAt: this.#startedAt,
      endedAt: new Date(),
      exitCode,
      facts: this.#document === undefined ? [] : runFacts(this.#document),
      notes: [
        ...(error === undefined ? [] : [{ level: 'error' as const, text: error }]),
        ...[...new Set(warnings)].map((text) => ({ level: 'warning' as const, text })),
      ].filter((note) => !known.has(keyOf(note))),
      items,
    };
  }
}

function keyOf({ level, text }: ReportNote): string {
  return `${level}: ${text}`;
}

/** A server can repeat its input in any text. */
function cleaned(item: ReportItem, clean: (text: string) => string): ReportItem {
  return {
    ...item,
    facts: item.facts.map(([label, value]) => [label, clean(value)] as const),
    checks: item.checks.map((check) => ({ ...check, detail: clean(check.detail) })),
    notes: item.notes.map((note) => ({ ...note, text: clean(note.text) })),
    console: item.console.map(clean),
  };
}

/** Undefined for a picture that is not PNG: browsers do not show the PPM of an old QEMU. */
async function readPicture(path: string): Promise<Uint8Array | undefined> {
  const { size } = await stat(path);
  if (size > MOST_PICTURE_BYTES) throw new Hyper2kvmError('local-file', `${path} is too large for a screenshot.`);
  const data = await readFile(path);
  return data.subarray(0, PNG.length).equals(PNG) ? data : undefined;
}

/** `force` is undefined for a command without `--force`. */
async function checkPlace(path: string, mark: string, force: unknown): Promise<void> {
  try {
    const known = await lstat(path).catch(ifMissing);
    if (known !== undefined && !known.isFile()) {
      throw new Hyper2kvmError('local-file', `The report ${path} is not a regular file.`, {
        hint: 'Choose another --report.',
      });
    }
    await access(dirname(path), constants.W_OK | constants.X_OK);
    if (known === undefined || known.size === 0 || force === true || (await beginsWith(path, mark))) return;
  } catch (error) {
    const failure = localFileError('write the report', path, error);
    if (!(failure instanceof Hyper2kvmError) || failure === error) throw failure;
    const hint = 'Set --report to a file in an existing folder where you have write permission.';
    throw new Hyper2kvmError('local-file', failure.message, { hint, cause: error });
  }
  throw new Hyper2kvmError('local-file', `${path} already exists, and it is not a report of hyper2kvm.`, {
    hint: `Choose another --report, or ${force === undefined ? 'remove the file' : 'overwrite the file with --force'}.`,
  });
}

async function beginsWith(path: string, mark: string): Promise<boolean> {
  await using file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(Buffer.byteLength(mark)));
  return buffer.toString('utf8', 0, bytesRead) === mark;
}

function ifMissing(error: unknown): undefined {
  if (errnoOf(error) !== 'ENOENT') throw error;
}
