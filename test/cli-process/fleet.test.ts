import { expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { shardOf } from '../../src/operations/export/plan/find-vms.ts';
import { leftOnServer, ScratchFolder } from '../operations/export/export-run.ts';
import { randomContent } from '../server/content-source.ts';
import { startTestServer, type TestServer } from '../server/test-server.ts';
import { environmentOf, startProgram, type ProgramRun, type RunningProgram } from './program.ts';

const COUNT = 4;
const JOBS = 4;
/** On an idle machine, this takes half a minute. */
const LIMIT_MS = 600_000;

const NAMES = Array.from({ length: 200 }, (_, index) => `vm-${String(index).padStart(3, '0')}`);

/** The part of the JSON result that lists the VMs. */
interface Told {
  exported: { vm: string }[];
  skipped: { vm: string }[];
  failed: { vm: string }[];
  share: { index: number; count: number; vms: number; ofVms: number };
}

function told({ stdout }: ProgramRun): Told {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return (JSON.parse(stdout) as { result: Told }).result;
}

const namesOf = (vms: readonly { vm: string }[]): string[] => vms.map(({ vm }) => vm);

/** Starts `--shard INDEX/4` over all VMs. They are running, so each is exported from a snapshot. */
function startShard(server: TestServer, scratch: ScratchFolder, index: number): RunningProgram {
  const words = ['export', '*', '--shard', `${index}/${COUNT}`, '--jobs', `${JOBS}`, '--skip-existing', '--snapshot'];
  return startProgram([...words, '-o', scratch.output, '--json'], {
    env: environmentOf(server, join(scratch.path, 'state')),
    cwd: scratch.path,
  });
}

/** Kills the program `afterMs` milliseconds after `done` of its VMs are finished. */
async function killAmid({ child, over }: RunningProgram, done: number, afterMs: number): Promise<ProgramRun> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let heard = 0;
  child.stderr?.on('data', (chunk: string) => {
    heard += chunk.split(': done, ').length - 1;
    if (heard >= done) resolve();
  });
  await Promise.race([promise, over]);
  await pause(afterMs);
  child.kill('SIGKILL');
  return over;
}

/** Expects all files of the VM's OVF package, with the hashes in its manifest, and no other files. */
async function expectWhole(output: string, name: string): Promise<void> {
  const folder = join(output, name);
  const files = [`.${name}.hyper2kvm-whole`, `${name}-disk-1.vmdk`, `${name}.mf`, `${name}.ovf`];
  expect((await readdir(folder)).toSorted()).toEqual(files);
  const lines = (await readFile(join(folder, `${name}.mf`), 'utf8')).trim().split('\n');
  expect(lines).toHaveLength(2);
  for (const line of lines) {
    const [, file = '', sha256 = ''] = /^SHA256\((.+)\)= ([0-9a-f]{64})$/.exec(line) ?? [];
    const content = await readFile(join(folder, file));
    expect(createHash('sha256').update(content).digest('hex')).toBe(sha256);
  }
}

test(
  '200 VMs over 4 shards at once, one of which is killed at random and run again: nothing twice, nothing missing, nothing left',
  async () => {
    const seed = process.env['FLEET_SEED'] ?? String(Date.now());
    const random = (what: string, below: number): number => shardOf(`${seed} ${what}`, below);
    const [victim, done, afterMs] = [random('victim', COUNT), 1 + random('done', 30), random('after', 100)];
    const vms = NAMES.map((name) => ({
      name,
      powerState: 'poweredOn' as const,
      disks: [{ content: randomContent(1 << 17, name) }],
    }));
    await using server = await startTestServer({ vms, leaseTimeoutSeconds: 20 });
    await using scratch = await ScratchFolder.make();
    try {
      const shards = Array.from({ length: COUNT }, (_, index) => startShard(server, scratch, index));
      const runs = await Promise.all(
        shards.map((shard, index) => (index === victim ? killAmid(shard, done, afterMs) : shard.over)),
      );
      expect(runs[victim]).toMatchObject({ endedBy: 'SIGKILL' });
      const again = await startShard(server, scratch, victim).over;
      const whole = runs.with(victim, again);
      expect(whole.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0, 0]);

      const shares = whole.map((run) => told(run));
      expect(shares.flatMap(({ exported, skipped }) => namesOf([...exported, ...skipped])).toSorted()).toEqual(NAMES);
      for (const [index, { share, exported, skipped, failed }] of shares.entries()) {
        expect(failed).toEqual([]);
        expect(share).toEqual({ index, count: COUNT, vms: exported.length + skipped.length, ofVms: 200 });
        // Only the VMs that the killed run had finished existed before.
        if (index !== victim) expect(skipped).toEqual([]);
      }
      const kept = namesOf(shares[victim]?.skipped ?? []);
      expect(kept.length).toBeGreaterThanOrEqual(done);

      for (const name of NAMES) await expectWhole(scratch.output, name);
      const downloads = Map.groupBy(server.state().downloads, ({ vm }) => vm);
      const twice = [...downloads].filter(([, each]) => each.length > 1).map(([vm]) => vm);
      // Only VMs that were in progress at the kill are downloaded again, and no data of the finished ones.
      expect(twice.length).toBeLessThanOrEqual(JOBS);
      expect(twice.filter((vm) => kept.includes(vm))).toEqual([]);
      const { sessions, ...left } = leftOnServer(server);
      expect(left).toEqual({ leases: [], snapshots: [] });
      // The killed process leaves its session, which no other process knows. The server ends it after an idle timeout.
      expect(sessions).toBeLessThanOrEqual(1);
    } catch (error) {
      throw new Error(`FLEET_SEED=${seed}: shard ${victim} killed ${afterMs} ms after ${done} VMs`, { cause: error });
    }
  },
  LIMIT_MS,
);
