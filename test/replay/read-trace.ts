import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What `trace.jsonl` says about a body. */
interface Body {
  file?: string;
  bytes: number;
  cutTo?: number;
}

interface Line {
  format?: string;
  version?: number;
  kind?: 'call' | 'download' | 'retry' | 'command' | 'end';
  url?: string;
  method?: string;
  status?: number;
  setCookies?: string[];
  request?: Body;
  answer?: Body;
  heads?: Body;
  bodyBytes?: number;
}

/** One call of a trace. Without a status no answer came. */
export interface RecordedCall {
  url: URL;
  method: string;
  request: string;
  status: number | undefined;
  setCookies: readonly string[];
  answer: string;
}

export interface RecordedDownload {
  url: URL;
  status: number | undefined;
  headers: Readonly<Record<string, string>>;
  bodyBytes: number;
}

/** A trace that `HYPER2KVM_TRACE` has left; see docs/debugging.md for its files. */
export interface Trace {
  calls: RecordedCall[];
  downloads: RecordedDownload[];
}

/** Reads the folder of one run. Throws when it is of another version, or when a body was cut. */
export async function readTrace(folder: string): Promise<Trace> {
  const text = await readFile(join(folder, 'trace.jsonl'), 'utf8');
  const [head, ...lines] = text
    .trimEnd()
    .split('\n')
    .map((line): Line => JSON.parse(line));
  if (head?.format !== 'hyper2kvm-trace' || head.version !== 1)
    throw new Error(`${folder} holds no trace of version 1`);
  const bodyOf = async (body: Body | undefined): Promise<string> => {
    if (body?.cutTo !== undefined) throw new Error(`${body.file ?? 'a body'} was cut when the trace was recorded`);
    return body?.file === undefined ? '' : readFile(join(folder, body.file), 'utf8');
  };
  const trace: Trace = { calls: [], downloads: [] };
  for (const { kind, url = '', method = '', status, setCookies = [], request, answer, heads, bodyBytes = 0 } of lines) {
    if (kind === 'call') {
      const [sent, received] = await Promise.all([bodyOf(request), bodyOf(answer)]);
      trace.calls.push({ url: new URL(url), method, request: sent, status, setCookies, answer: received });
    }
    if (kind === 'download') {
      trace.downloads.push({ url: new URL(url), status, headers: headersIn(await bodyOf(heads)), bodyBytes });
    }
  }
  return trace;
}

/** Of the response: an empty line divides them from the request's. */
function headersIn(heads: string): Record<string, string> {
  const [, response = ''] = heads.split(/\r?\n\r?\n/);
  const lines = Array.from(response.matchAll(/^([\w-]+): (.*)$/gm), ([, name = '', value = '']) => [name, value]);
  return Object.fromEntries(lines);
}
