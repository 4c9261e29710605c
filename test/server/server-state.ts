import type { PowerState } from './options.ts';
import type { Service } from './service.ts';

/** One SOAP call that came in. */
export interface CallRecord {
  method: string;
  /** The VM's name, where the call was about one. */
  vm: string | undefined;
  /** Type of the fault that was answered, or the scripted action that came instead of an answer. */
  fault: string | undefined;
}

/** One GET of a lease url. */
export interface DownloadRecord {
  vm: string;
  lease: string;
  targetId: string;
  /** `esxi` or `soap`: which listener it came to. */
  endpoint: 'soap' | 'esxi';
  /** The request carried a session cookie. */
  cookie: boolean;
  /** The request had a Range header, which the server does not know. */
  range: boolean;
  sentBytes: number;
  /** `whole`; `broken` when the client left; else the scripted action; `running` while it goes on. */
  outcome: string;
}

/** How a lease stands or ended. */
export type LeaseOutcome = 'open' | 'completed' | 'aborted' | 'timed-out' | 'failed' | 'session-ended';

/** What the server looks like from inside, as plain data for tests. */
export interface ServerState {
  /** The logged-in sessions. */
  sessions: { userName: string; userAgent: string; callCount: number }[];
  leases: { lease: string; vm: string; snapshot: string | undefined; outcome: LeaseOutcome; progressCalls: number }[];
  vms: Record<string, { moRef: string; powerState: PowerState; locked: boolean; snapshots: string[] }>;
  calls: CallRecord[];
  downloads: DownloadRecord[];
  /** How often each file was asked for, by its target id. */
  diskRequests: Record<string, number>;
  /** What a client must show nowhere: cookies and keys of sessions, and tickets of leases, since the server started. */
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
          locked: vm.openLease !== undefined,
          snapshots: vm.snapshots().map((snapshot) => snapshot.facts.name),
        },
      ]),
    ),
    calls: service.calls.map((call) => ({ ...call })),
    downloads: service.downloads.map((download) => ({ ...download })),
    diskRequests,
    secrets: [...service.sessions.secrets, ...service.leases.map(({ ticket }) => ticket)],
  };
}
