import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { EncodeOptions, type EncodeChoices } from '../../../src/operations/encode-options.ts';
import { exportVms } from '../../../src/operations/export/run/export-vms.ts';
import type { DiskSourceFactory } from '../../../src/operations/export/source/disk-source.ts';
import type { ExportEvent, ExportOptions, ExportResult, ExportFormat } from '../../../src/operations/export/types.ts';
import {
  resolveConnectionSettings,
  type ConnectionSettings,
} from '../../../src/vsphere/connection/connection-settings.ts';
import { NO_FIX } from '../fix-guest/no-fix.ts';
import type { TestServer } from '../../server/test-server.ts';
import { makeTemporaryFolder, TemporaryFolder } from '../../temporary-folder.ts';

/** A temporary folder for the output of an export and its job records. */
export class ScratchFolder extends TemporaryFolder {
  static override async make(): Promise<ScratchFolder> {
    return new ScratchFolder(await makeTemporaryFolder('hyper2kvm-test-'));
  }

  get output(): string {
    return join(this.path, 'out');
  }

  /** Returns the sorted names in the output folder, or an empty list if the folder does not exist. */
  async files(): Promise<string[]> {
    return (await readdir(this.output).catch(() => [])).toSorted((a, b) => (a < b ? -1 : 1));
  }
}

export interface ExportRun {
  events: ExportEvent[];
  /** Undefined if the export threw an error. */
  result: ExportResult | undefined;
  thrown: unknown;
  /** The error of the first VM that failed, or the error that the export threw. */
  error: unknown;
}

/** Options of an export in a test. Encoding options are on the same level as the others. */
export type ExportChoices = Partial<Omit<ExportOptions, 'encode'>> & Partial<EncodeChoices<ExportFormat>>;
type RunOptions = ExportChoices & {
  signal?: AbortSignal;
  onEvent?: (event: ExportEvent) => void;
  diskSource?: DiskSourceFactory;
};

/** Longer than a busy machine may delay this process, which also runs the server. Tests count requests, so a timeout must not cause retries. */
const PATIENT_MS = 20_000;

/** Returns the connection settings for a test server. */
export function connectionTo(server: TestServer, timeoutMs = PATIENT_MS): ConnectionSettings {
  return resolveConnectionSettings({
    flags: { url: server.url.href, username: server.username, thumbprint: server.thumbprint.sha256 },
    timeoutMs,
    env: { HYPER2KVM_PASSWORD: server.password },
    password: () => Promise.reject(new Error('the password is in the environment')),
  });
}

/** Exports the first VM of a test server, or the VMs in `options`. */
export function runExport(server: TestServer, scratch: ScratchFolder, options: RunOptions = {}): Promise<ExportRun> {
  const vms = Object.keys(server.state().vms).slice(0, 1);
  return exportWith(connectionTo(server), scratch, { vms, ...options });
}

/** Returns the options that {@link runExport} uses. */
export function optionsFor(server: TestServer, scratch: ScratchFolder, options: ExportChoices = {}): ExportOptions {
  const vms = Object.keys(server.state().vms).slice(0, 1);
  return allOptions(connectionTo(server), scratch, { vms, ...options });
}

function allOptions(
  connection: ConnectionSettings,
  scratch: ScratchFolder,
  { format = 'ovf', compression, clusterBytes, ...given }: ExportChoices & Pick<ExportOptions, 'vms'>,
): ExportOptions {
  return {
    connection,
    output: scratch.output,
    encode: new EncodeOptions({ format, compression, clusterBytes }),
    hardware: 'auto',
    guest: NO_FIX,
    bootTest: false,
    power: { kind: 'as-is' },
    parallel: 2,
    transport: 'lease',
    nfcDepth: 16,
    limitRateBytes: undefined,
    firstByteTimeoutMs: PATIENT_MS,
    stallTimeoutMs: PATIENT_MS,
    retries: 2,
    force: false,
    jobs: 1,
    skipExisting: false,
    env: { ...process.env, XDG_STATE_HOME: join(scratch.path, 'state') },
    ...given,
  };
}

/** Runs an export. Never rejects. */
export async function exportWith(
  connection: ConnectionSettings,
  scratch: ScratchFolder,
  options: RunOptions & Pick<ExportOptions, 'vms'>,
): Promise<ExportRun> {
  const { signal = new AbortController().signal, onEvent, diskSource, ...given } = options;
  const events: ExportEvent[] = [];
  const report = (event: ExportEvent) => {
    events.push(event);
    onEvent?.(event);
  };
  const all = allOptions(connection, scratch, given);
  try {
    const result = await exportVms(all, { signal, report }, diskSource);
    const failure = events.find((event) => event.type === 'vm-failed');
    return { events, result, thrown: undefined, error: failure?.error };
  } catch (thrown) {
    return { events, result: undefined, thrown, error: thrown };
  }
}

/** Returns everything that an export must remove from the server. Compare it with `NOTHING_LEFT`. */
export function leftOnServer(server: TestServer): { sessions: number; leases: string[]; snapshots: string[] } {
  const { sessions, leases, vms } = server.state();
  return {
    sessions: sessions.length,
    leases: leases.filter(({ outcome }) => outcome === 'open').map(({ lease }) => lease),
    snapshots: Object.values(vms).flatMap((vm) => vm.snapshots),
  };
}

export const NOTHING_LEFT = { sessions: 0, leases: [], snapshots: [] };
