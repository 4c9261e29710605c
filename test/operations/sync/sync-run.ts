import { join } from 'node:path';
import { syncVms } from '../../../src/operations/sync/sync-vms.ts';
import type { SyncEvent, SyncOptions, SyncResult } from '../../../src/operations/sync/types.ts';
import type { TestServer } from '../../server/test-server.ts';
import { connectionTo, type ScratchFolder } from '../export/export-run.ts';

export interface SyncRun {
  events: SyncEvent[];
  /** Undefined if the operation threw an error. */
  result: SyncResult | undefined;
  /** The error of the first VM that failed, or the error that was thrown. */
  error: unknown;
}

type Choices = Partial<SyncOptions> & { signal?: AbortSignal; onEvent?: (event: SyncEvent) => void };

/** Replicates the first VM of a test server, or the VMs in `options`. Never rejects. */
export async function runSync(server: TestServer, scratch: ScratchFolder, options: Choices = {}): Promise<SyncRun> {
  const { signal = new AbortController().signal, onEvent, ...given } = options;
  const events: SyncEvent[] = [];
  const report = (event: SyncEvent): void => {
    events.push(event);
    onEvent?.(event);
  };
  const all: SyncOptions = {
    connection: connectionTo(server),
    vms: Object.keys(server.state().vms).slice(0, 1),
    isList: false,
    output: scratch.output,
    format: 'raw',
    quiesce: false,
    tracking: true,
    transport: 'lease',
    nfcDepth: 16,
    jobs: 1,
    parallel: 2,
    limitRateBytes: undefined,
    firstByteTimeoutMs: 20_000,
    stallTimeoutMs: 20_000,
    retries: 2,
    mode: 0o600,
    env: { ...process.env, XDG_STATE_HOME: join(scratch.path, 'state') },
    ...given,
  };
  try {
    const result = await syncVms(all, { signal, report });
    const failure = events.find((event) => event.type === 'vm-failed');
    return { events, result, error: failure?.error };
  } catch (error) {
    return { events, result: undefined, error };
  }
}
