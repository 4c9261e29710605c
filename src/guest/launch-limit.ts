import { readdirSync, readFileSync } from 'node:fs';

const LOOK_MS = 1000;

/**
 * The time limit for the appliance of a process group to start; it aborts {@link LaunchLimit.signal}. Time in which
 * supermin builds the appliance does not count, since that happens once and depends on the disk. Time in which this
 * process itself was stopped does not count either.
 */
export class LaunchLimit implements Disposable {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #leftMs: number;

  /** `group` is the id of the group leader. */
  constructor(group: number | undefined, limitMs: number) {
    this.#leftMs = limitMs;
    this.#timer = setInterval(() => this.#look(group), LOOK_MS);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #look(group: number | undefined): void {
    if (group !== undefined && namesInGroup(group).includes('supermin')) return;
    this.#leftMs -= LOOK_MS;
    if (this.#leftMs > 0) return;
    clearInterval(this.#timer);
    this.#controller.abort();
  }
}

/** The names of the processes in a group, by proc(5); empty without /proc. */
function namesInGroup(group: number): string[] {
  try {
    const ids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    return ids.flatMap((id) => {
      // "PID (NAME) STATE PARENT GROUP …"; a name may contain a parenthesis.
      const [, name, fields = ''] = /^\d+ \((.*)\) (.*)/s.exec(statOf(id)) ?? [];
      return name !== undefined && fields.split(' ')[2] === String(group) ? [name] : [];
    });
  } catch {
    return [];
  }
}

/** Empty for a process that has ended in the meantime. */
function statOf(id: string): string {
  try {
    return readFileSync(`/proc/${id}/stat`, 'utf8');
  } catch {
    return '';
  }
}
