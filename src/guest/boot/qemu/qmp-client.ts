import type { Duplex } from 'node:stream';
import { Hyper2kvmError } from '../../../base/errors.ts';

/** The longest accepted response; the responses to these commands have a few hundred bytes. */
const MOST_LINE_BYTES = 4 * 2 ** 20;
/** Enough for a screenshot in emulation. */
const ANSWER_LIMIT_MS = 30_000;

export interface QmpEvent {
  event: string;
  data: Readonly<Record<string, unknown>>;
}

type Answer = { ok: true; value: unknown } | { ok: false; error: Error };

/**
 * A QEMU Machine Protocol client (docs/interop/qmp-spec) on a connected stream. Commands are sent one at a time;
 * responses are matched by id.
 */
export class QmpClient {
  readonly #stream: Duplex;
  readonly #onEvent: (event: QmpEvent) => void;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  readonly #greeting = Promise.withResolvers<{ major: number; minor: number }>();
  #lastId = 0;
  #rest = '';
  #closed: Error | undefined;

  constructor(stream: Duplex, onEvent: (event: QmpEvent) => void) {
    this.#stream = stream;
    this.#onEvent = onEvent;
    this.#greeting.promise.catch(() => {});
    stream.on('data', (piece: Buffer) => this.#take(piece.toString('utf8')));
    stream.on('error', (error) => this.#close(error));
    for (const end of ['end', 'close']) {
      stream.on(end, () => this.#close(new Error('QEMU has closed its control channel.')));
    }
  }

  /**
   * Waits for the greeting, leaves capabilities negotiation mode, and returns QEMU's version. Rejects if QEMU has
   * exited.
   */
  async negotiate(): Promise<{ major: number; minor: number }> {
    const version = await this.#greeting.promise;
    await this.execute('qmp_capabilities');
    return version;
  }

  /** Rejects with QEMU's message if it refuses, if it has exited, or if it does not respond within 30 seconds. */
  async execute(command: string, args?: Readonly<Record<string, unknown>>): Promise<unknown> {
    if (this.#closed !== undefined) throw this.#closed;
    const id = ++this.#lastId;
    const { promise, resolve } = Promise.withResolvers<Answer>();
    this.#waiting.set(id, resolve);
    const timer = setTimeout(() => resolve({ ok: false, error: unanswered(command) }), ANSWER_LIMIT_MS);
    this.#stream.write(`${JSON.stringify({ execute: command, ...(args && { arguments: args }), id })}\n`);
    const answer = await promise;
    clearTimeout(timer);
    this.#waiting.delete(id);
    if (!answer.ok) throw answer.error;
    return answer.value;
  }

  /** QEMU's `RunState`: `running`, `paused`, `internal-error` … */
  async runState(): Promise<string> {
    const { status } = recordOf(await this.execute('query-status'));
    return typeof status === 'string' ? status : '';
  }

  #take(text: string): void {
    this.#rest += text;
    const lines = this.#rest.split('\n');
    this.#rest = lines.pop() ?? '';
    if (this.#rest.length > MOST_LINE_BYTES) this.#stream.destroy(new Error('QEMU sent an endless line.'));
    for (const line of lines) if (line.trim() !== '') this.#takeMessage(line);
  }

  #takeMessage(line: string): void {
    const message = objectOf(line);
    if (message === undefined) {
      this.#stream.destroy(new Error('QEMU sent something that is not a QMP message.'));
    } else if ('QMP' in message) {
      this.#greeting.resolve(versionOf(message['QMP']));
    } else if (typeof message['event'] === 'string') {
      this.#onEvent({ event: message['event'], data: recordOf(message['data']) });
    } else if (typeof message['id'] === 'number') {
      this.#waiting.get(message['id'])?.(answerOf(message));
    }
  }

  #close(error: Error): void {
    this.#closed ??= error;
    this.#greeting.reject(this.#closed);
    for (const resolve of this.#waiting.values()) resolve({ ok: false, error: this.#closed });
  }
}

function answerOf(message: Readonly<Record<string, unknown>>): Answer {
  if (!('error' in message)) return { ok: true, value: message['return'] };
  const { desc } = recordOf(message['error']);
  return { ok: false, error: new Error(typeof desc === 'string' ? desc : 'QEMU refused without a reason.') };
}

function unanswered(command: string): Hyper2kvmError {
  return new Hyper2kvmError('host', `QEMU has not responded to ${command} for ${ANSWER_LIMIT_MS / 1000} seconds.`, {
    hint: 'Check the load of this host.',
  });
}

function versionOf(greeting: unknown): { major: number; minor: number } {
  const { major, minor } = recordOf(recordOf(recordOf(greeting)['version'])['qemu']);
  return { major: Number(major) || 0, minor: Number(minor) || 0 };
}

function objectOf(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? recordOf(value) : undefined;
  } catch {
    return undefined;
  }
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}
