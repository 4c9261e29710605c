import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Hyper2kvmError, sentenceOf } from '../../base/errors.ts';
import { makeFolder } from '../../base/files/make-folder.ts';
import { OWNER_ONLY } from '../../base/files/own-file.ts';
import type { EndedCommand } from '../../base/process/observe-commands.ts';
import { compactTime } from '../../base/text/compact-time.ts';
import type {
  WireCall,
  WireDownload,
  WireNfc,
  WireObserver,
  WireRetry,
} from '../../vsphere/connection/wire-observer.ts';
import { fileIn } from './debug-lines.ts';

/** Size of the hardware of about 400 VMs in one page. */
const MOST_BODY_BYTES = 4 * 1024 * 1024;
/** A trace is sent by mail or attached to an issue; compression reduces it to a tenth or less. */
const MOST_TRACE_BYTES = 128 * 1024 * 1024;
const MOST_NAME_LENGTH = 60;

export const TRACE_FORMAT = 'hyper2kvm-trace';
export const TRACE_VERSION = 1;
/** One JSON object per line: first the command, then each exchange, retry and external command, then the end. */
export const TRACE_MANIFEST = 'trace.jsonl';

export interface TraceFolderOptions {
  /** The trace is written to a new folder inside this one. */
  parent: string;
  /** `export` */
  command: string;
  version: string;
  /** Removes the user's secrets from a text of any length. */
  mask: (text: string) => string;
  onProblem: (message: string) => void;
}

/**
 * Writes the traffic with the server to a folder: bodies of SOAP calls, headers of downloads, and a manifest with
 * times. The folder has mode 0700 and its files 0600. Bodies and the whole trace have size limits. Writes are
 * synchronous, so that a killed process leaves a complete trace up to that point.
 */
export class TraceFolder implements Omit<WireObserver, 'mask'> {
  readonly path: string;
  readonly #options: TraceFolderOptions;
  #number = 0;
  #bytesLeft = MOST_TRACE_BYTES;
  #hasStopped = false;

  private constructor(path: string, options: TraceFolderOptions) {
    this.path = path;
    this.#options = options;
  }

  /** @throws Hyper2kvmError `local-file` when the folder cannot be created. */
  static async make(options: TraceFolderOptions): Promise<TraceFolder> {
    const { parent, command, version } = options;
    const now = new Date();
    const path = join(parent, `${compactTime(now)}-${nameOf(command)}-${process.pid}`);
    await makeFolder(parent, { mode: 0o700 });
    // Another user with write access to the parent could have created it, to read the trace.
    if ((await makeFolder(path, { mode: 0o700 })) === undefined) {
      throw new Hyper2kvmError('local-file', `The folder ${path} for the trace already exists.`);
    }
    const trace = new TraceFolder(path, options);
    trace.#note({
      format: TRACE_FORMAT,
      version: TRACE_VERSION,
      program: `hyper2kvm ${version}`,
      command,
      node: process.version,
      platform: `${process.platform}-${process.arch}`,
      startedAt: now.toISOString(),
    });
    return trace;
  }

  onCall(call: WireCall): void {
    const { request, answer, setCookies, ...facts } = call;
    const name = this.#nextName(call.method);
    const [sent, received] = [request(), answer()];
    this.#note({
      kind: 'call',
      ...timed(facts),
      ...(setCookies.length > 0 && { setCookies }),
      ...(sent !== '' && { request: this.#body(`${name}.request.xml`, sent) }),
      ...(received !== undefined && { answer: this.#body(`${name}.answer.xml`, received) }),
    });
  }

  onDownload(download: WireDownload): void {
    const { requestHead, responseHead, bodyStart, ...facts } = download;
    const name = this.#nextName(`GET-${fileIn(new URL(download.url).pathname)}`);
    this.#note({
      kind: 'download',
      ...timed(facts),
      heads: this.#body(`${name}.txt`, `${requestHead.trimEnd()}\n\n${responseHead.join('\n')}\n`),
      ...(bodyStart.length > 0 && { start: this.#body(`${name}.start`, bodyStart) }),
    });
  }

  onNfc(connection: WireNfc): void {
    this.#note({ kind: 'nfc', ...timed(connection) });
  }

  onRetry(retry: WireRetry): void {
    this.#note({ kind: 'retry', at: new Date().toISOString(), ...retry });
  }

  onCommand(command: EndedCommand): void {
    this.#note({ kind: 'command', ...timed(command) });
  }

  close(exitCode: number): void {
    this.#note({ kind: 'end', at: new Date().toISOString(), exitCode });
  }

  #nextName(what: string): string {
    this.#number += 1;
    return `${String(this.#number).padStart(4, '0')}-${nameOf(what)}`;
  }

  /** Writes a body, and returns its fields for the manifest. */
  #body(name: string, content: string | Uint8Array): { file?: string; bytes: number; cutTo?: number } {
    const bytes = typeof content === 'string' ? Buffer.from(this.#options.mask(content)) : content;
    const kept = bytes.subarray(0, Math.min(MOST_BODY_BYTES, Math.max(0, this.#bytesLeft)));
    if (bytes.length > 0 && kept.length === 0) return { bytes: bytes.length, cutTo: 0 };
    this.#write(kept.length, () => writeFileSync(join(this.path, name), kept, { flag: 'wx', mode: OWNER_ONLY }));
    return { file: name, bytes: bytes.length, ...(kept.length < bytes.length && { cutTo: kept.length }) };
  }

  /** Writes a line of the manifest. The last lines may exceed the limit, because the end of a run is what a report is about. */
  #note(entry: object): void {
    const clean = (_key: string, value: unknown): unknown =>
      typeof value === 'string' ? this.#options.mask(value) : value;
    const line = `${JSON.stringify(entry, clean)}\n`;
    if (this.#bytesLeft < -MOST_BODY_BYTES) return;
    this.#write(line.length, () =>
      appendFileSync(join(this.path, TRACE_MANIFEST), line, { flag: 'a', mode: OWNER_ONLY }),
    );
  }

  #write(bytes: number, work: () => void): void {
    if (this.#hasStopped) return;
    this.#bytesLeft -= bytes;
    try {
      work();
    } catch (error) {
      this.#hasStopped = true;
      this.#options.onProblem(`The trace in ${this.path} is incomplete: ${sentenceOf(error)}.`);
    }
  }
}

/** With readable timestamps, and durations rounded to microseconds. */
function timed({ startedAt, ...facts }: { startedAt: number; durationMs: number }): object {
  const rounded = Object.entries(facts).map(([name, value]) => [
    name,
    name.endsWith('Ms') && typeof value === 'number' ? Math.round(value * 1000) / 1000 : value,
  ]);
  return { at: new Date(startedAt).toISOString(), ...Object.fromEntries(rounded) };
}

/** Converts a text to a part of a file name. */
function nameOf(text: string): string {
  return text.replaceAll(/[^\w.-]+/g, '-').slice(0, MOST_NAME_LENGTH);
}
