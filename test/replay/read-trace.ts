import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A request or response body in `trace.jsonl`. */
interface Body {
  file?: string;
  bytes: number;
  cutTo?: number;
}

interface Line {
  format?: string;
  version?: number;
  kind?: 'call' | 'download' | 'nfc' | 'retry' | 'command' | 'end';
  url?: string;
  method?: string;
  status?: number;
  setCookies?: string[];
  request?: Body;
  answer?: Body;
  heads?: Body;
  bodyBytes?: number;
}

/** A call in a trace. Without a status, there was no answer. */
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

/** A trace that was recorded with `HYPER2KVM_TRACE`. See docs/debugging.md for its files. */
export interface Trace {
  calls: RecordedCall[];
  downloads: RecordedDownload[];
}

/** Reads the trace of one run from its folder. @throws if the trace has another version or a truncated body */
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

/** Returns the response headers. An empty line separates the request's headers from them. */
function headersIn(heads: string): Record<string, string> {
  const [, response = ''] = heads.split(/\r?\n\r?\n/);
  const lines = Array.from(response.matchAll(/^([\w-]+): (.*)$/gm), ([, name = '', value = '']) => [name, value]);
  return Object.fromEntries(lines);
}
