import type { NfcState } from './nfc/nfc-state.ts';
import type { PowerState } from './options.ts';
import type { Service } from './service.ts';

/** A SOAP call that the server received. */
export interface CallRecord {
  method: string;
  /** The name of the VM that the call refers to, if any. */
  vm: string | undefined;
  /** The type of the returned fault, or the scripted action that replaced the answer. */
  fault: string | undefined;
}

/** A GET request for a lease URL. */
export interface DownloadRecord {
  vm: string;
  lease: string;
  targetId: string;
  /** The listener that received the request. */
  endpoint: 'soap' | 'esxi';
  /** Whether the request contained a session cookie. */
  cookie: boolean;
  /** Whether the request had a Range header, which the server does not support. */
  range: boolean;
  sentBytes: number;
  /** `whole`: complete. `broken`: the client disconnected. `running`: in progress. Otherwise the scripted action. */
  outcome: string;
}

/** The state or final result of a lease. */
export type LeaseOutcome = 'open' | 'completed' | 'aborted' | 'timed-out' | 'failed' | 'session-ended';

/** The internal state of the server, as plain data for tests. */
export interface ServerState {
  /** The logged-in sessions. */
  sessions: { userName: string; userAgent: string; callCount: number }[];
  leases: { lease: string; vm: string; snapshot: string | undefined; outcome: LeaseOutcome; progressCalls: number }[];
  vms: Record<
    string,
    {
      moRef: string;
      powerState: PowerState;
      /** All power states since the start, with the time of each change in milliseconds since the epoch. */
      powerHistory: { state: PowerState; at: number }[];
      locked: boolean;
      snapshots: string[];
      consolidationNeeded: boolean;
      changeTrackingEnabled: boolean;
    }
  >;
  calls: CallRecord[];
  downloads: DownloadRecord[];
  /** Number of requests per file, by target ID. */
  diskRequests: Record<string, number>;
  /** Undefined if the server has no NFC service. */
  nfc: NfcState | undefined;
  /** Values that a client must never show: session cookies, session keys, lease and NFC tickets since the server started. */
  secrets: string[];
}

export function stateOf(service: Service): ServerState {
  const diskRequests: Record<string, number> = {};
  for (const { targetId } of service.downloads) diskRequests[targetId] = (diskRequests[targetId] ?? 0) + 1;
  return {
    sessions: service.sessions.authenticated().map((session) => ({
      userName: session.userName ?? '',
      userAgent: session.userAgent,
      callCount: session.callCount,
    })),
    leases: service.leases.map((lease) => ({
      lease: lease.ref.value,
      vm: lease.vm.displayName,
      snapshot: lease.snapshot?.facts.name,
      outcome: lease.outcome,
      progressCalls: lease.progressCalls,
    })),
    vms: Object.fromEntries(
      service.vms().map((vm) => [
        vm.displayName,
        {
          moRef: vm.ref.value,
          powerState: vm.powerState,
          powerHistory: [...vm.powerHistory],
          consolidationNeeded: vm.consolidationNeeded,
          changeTrackingEnabled: vm.storage.isTracking,
          locked: vm.openLease !== undefined,
          snapshots: vm.snapshots().map((snapshot) => snapshot.facts.name),
        },
      ]),
    ),
    calls: service.calls.map((call) => ({ ...call })),
    downloads: service.downloads.map((download) => ({ ...download })),
    diskRequests,
    nfc: service.nfc?.state(),
    secrets: [
      ...service.sessions.secrets,
      ...service.leases.map(({ ticket }) => ticket),
      ...(service.nfc?.tickets.all ?? []).map(({ sessionId }) => sessionId),
    ],
  };
}
