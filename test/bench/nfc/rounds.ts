import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { stateName } from '../../../src/operations/sync/replica/replica-state.ts';
import { measureOwn } from '../bench-disks.ts';
import { markdownTable } from '../contest.ts';
import { median } from '../measured-run.ts';
import { startBenchServer } from './bench-server.ts';
import type { BenchPlace } from './reads.ts';

const PLACES = 500;
const CHANGED_BYTES = 100 * 2 ** 20;

interface Round {
  seconds: number;
  /** As in the record of the replica. */
  fetchSeconds: number;
  applySeconds: number;
  fetchedBytes: number;
}

interface RoundRow extends Round {
  virtualGib: number;
  changed: 'nothing' | '100 MiB in 500 places';
  peakMemoryMb: number;
}

/** Rounds of `sync` over virtual disks of these sizes, with 64 MiB of data at first. */
export async function benchRounds({ folder, runs }: BenchPlace, sizes: readonly number[]): Promise<RoundRow[]> {
  const disks = sizes.map(
    (gib) => [`vm${gib}`, { kind: 'sparse', capacityBytes: gib * 2 ** 30, dataBytes: 2 ** 26 }] as const,
  );
  await using server = await startBenchServer(Object.fromEntries(disks));
  const env = { ...server.env, XDG_STATE_HOME: join(folder, 'state') };
  const output = join(folder, 'replicas');
  const rows: RoundRow[] = [];
  const sync = async (vm: string): Promise<Round & { peakMemoryMb: number }> => {
    const run = await measureOwn(['sync', vm, '-o', output, '--format', 'raw', '--transport', 'nfc'], env);
    return { ...(await lastRound(output, vm)), seconds: run.seconds, peakMemoryMb: run.peakMemoryMb };
  };
  for (const [vm] of disks) await sync(vm);
  for (const changed of ['nothing', '100 MiB in 500 places'] as const) {
    const all = new Map<string, Awaited<ReturnType<typeof sync>>[]>();
    for (let round = 0; round < runs; round += 1) {
      for (const [vm] of disks) {
        process.stderr.write(`${round + 1}/${runs} sync ${vm}, ${changed}\n`);
        if (changed !== 'nothing') {
          await server.ask({ ask: 'write', vm, places: PLACES, bytesEach: CHANGED_BYTES / PLACES, seed: round });
        }
        all.set(vm, [...(all.get(vm) ?? []), await sync(vm)]);
      }
    }
    for (const [index, [vm]] of disks.entries()) {
      const measured = all.get(vm) ?? [];
      const of = (key: keyof Round): number => median(measured.map((each) => each[key]));
      rows.push({
        virtualGib: sizes[index] ?? 0,
        changed,
        seconds: of('seconds'),
        fetchSeconds: of('fetchSeconds'),
        applySeconds: of('applySeconds'),
        fetchedBytes: of('fetchedBytes'),
        peakMemoryMb: Math.max(...measured.map(({ peakMemoryMb }) => peakMemoryMb)),
      });
    }
  }
  await rm(output, { recursive: true, force: true });
  console.log('Rounds of `sync --transport nfc --format raw`, from the start of the process to its end.\n');
  console.log(
    markdownTable(
      ['GiB virtual', 'changed', 's', 's to fetch', 's to apply', 's for the rest', 'MB fetched', 'peak MB'],
      rows.map(({ virtualGib, changed, seconds, fetchSeconds, applySeconds, fetchedBytes, peakMemoryMb }) => [
        String(virtualGib),
        changed,
        seconds.toFixed(2),
        fetchSeconds.toFixed(2),
        applySeconds.toFixed(2),
        (seconds - fetchSeconds - applySeconds).toFixed(2),
        (fetchedBytes / 1e6).toFixed(1),
        peakMemoryMb.toFixed(0),
      ]),
    ),
  );
  console.log('');
  return rows;
}

async function lastRound(output: string, vm: string): Promise<Round> {
  const text = await readFile(join(output, vm, stateName(vm)), 'utf8');
  const { rounds } = JSON.parse(text) as { rounds: Round[] };
  const last = rounds.at(-1);
  if (last === undefined) throw new Error(`${vm} has no round`);
  return last;
}
