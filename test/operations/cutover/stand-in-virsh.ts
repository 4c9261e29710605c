import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { exists } from '../../../src/base/files/exists.ts';

/**
 * A virsh with one libvirt whose state is in a folder: `defined` (UUID and name), `running`, `log`, and `times` of each
 * start and stop in milliseconds. `sign` has the words of the sign of life. `kill` has a command after which it kills
 * the program that called it.
 */
const SCRIPT = `#!/bin/sh
here=$(dirname "$0"); shift; command=$1
echo "$*" >> "$here/log"
domain=$(cat "$here/defined" 2>/dev/null)
refuse() { echo "error: $1" >&2; exit 1; }
require() { case "$domain" in "$1 "*) ;; *) refuse "failed to get domain '$1'";; esac; }
runs() { [ -f "$here/running" ]; }
case $command in
list) [ -n "$domain" ] && echo "$domain"; true;;
define)
  [ -f "$here/refuse-define" ] && refuse "internal error: no such network"
  uuid=$(sed -n 's:.*<uuid>\\(.*\\)</uuid>.*:\\1:p' "$2"); name=$(sed -n 's:.*<name>\\(.*\\)</name>.*:\\1:p' "$2")
  echo "$uuid $name" > "$here/defined";;
domstate) require "$2"; if runs; then echo running; else echo "shut off"; fi;;
start) require "$2"; runs && refuse "domain is already running"
  echo "start $(date +%s%3N)" >> "$here/times"; touch "$here/running";;
destroy) require "$2"; runs || refuse "domain is not running"
  [ -f "$here/refuse-destroy" ] && refuse "device or resource busy"
  rm "$here/running"; echo "stop $(date +%s%3N)" >> "$here/times";;
undefine) require "$2"; runs && refuse "cannot undefine a running domain"; rm "$here/defined";;
qemu-agent-command) runs && [ "$(cat "$here/sign")" = agent ] || refuse "guest agent is not connected";;
domstats) if runs && [ "$(cat "$here/sign")" = network ]; then echo "  net.0.rx.pkts=9"; echo "  net.0.tx.pkts=3"; else echo "  net.0.tx.pkts=0"; fi;;
*) refuse "unknown command: '$command'";;
esac
if [ "$(cat "$here/kill" 2>/dev/null)" = "$command" ]; then rm "$here/kill"; kill -9 $PPID; sleep 5; fi
true
`;

/** The stand-in for virsh in a folder, which is first on the PATH. */
export class StandInVirsh {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async make(folder: string): Promise<StandInVirsh> {
    await mkdir(folder);
    const path = join(folder, 'virsh');
    await writeFile(path, SCRIPT);
    await chmod(path, 0o755);
    const virsh = new StandInVirsh(folder);
    await virsh.set('sign', 'agent');
    return virsh;
  }

  get folder(): string {
    return this.#folder;
  }

  async set(file: 'sign' | 'kill' | 'refuse-define' | 'refuse-destroy' | 'defined', text: string): Promise<void> {
    await writeFile(join(this.#folder, file), text);
  }

  async clear(file: 'refuse-define' | 'refuse-destroy' | 'defined'): Promise<void> {
    await rm(join(this.#folder, file), { force: true });
  }

  async state(): Promise<'missing' | 'off' | 'running'> {
    if (await exists(join(this.#folder, 'running'))) return 'running';
    return (await exists(join(this.#folder, 'defined'))) ? 'off' : 'missing';
  }

  /** The commands so far. */
  async log(): Promise<string[]> {
    return await this.#lines('log');
  }

  /** When the domain was running, as pairs of milliseconds. */
  async runs(): Promise<[number, number][]> {
    const entries = (await this.#lines('times')).map((line) => line.split(' '));
    const starts = entries.flatMap(([what, at], index) => {
      if (what !== 'start') return [];
      const stop = entries.slice(index + 1).find(([next]) => next === 'stop');
      return [[Number(at), Number(stop?.[1] ?? Infinity)] as [number, number]];
    });
    return starts;
  }

  async #lines(file: string): Promise<string[]> {
    const path = join(this.#folder, file);
    return (await exists(path)) ? (await readFile(path, 'utf8')).trim().split('\n').filter(Boolean) : [];
  }

  /** A PATH with this virsh and the folders of other programs. */
  pathWith(...programs: string[]): string {
    return [this.#folder, ...programs.map((path) => dirname(path)), '/usr/bin', '/bin'].join(':');
  }
}
