import type { JobView } from '../../jobs/job-record.ts';
import type {
  CheckDocument,
  JobDocument,
  JobsDocument,
  ListDocument,
  StatusDocument,
} from '../../operations/documents/schemas.ts';
import type { ListedVm } from '../../operations/list/list-types.ts';
import type { ReplicaView } from '../../operations/sync/types.ts';
import type { CheckResult, StatusResult } from '../../operations/status/types.ts';

/** The `result` of `status --json`. */
export function statusDocument(result: StatusResult | JobView): StatusDocument | JobDocument {
  if (!('findings' in result)) return jobDocument(result);
  const { version, findings, jobs, replicas } = result;
  return { version, findings, jobs: jobs.map(jobDocument), replicas: replicas.map(replicaDocument) };
}

/** The `result` of `check --json`. */
export function checkDocument({ version, findings }: CheckResult): CheckDocument {
  return { version, findings };
}

/** The `result` of `jobs --json`. */
export function jobsDocument(result: JobView[] | JobView): JobsDocument | JobDocument {
  return Array.isArray(result) ? result.map(jobDocument) : jobDocument(result);
}

function replicaDocument(replica: ReplicaView): StatusDocument['replicas'][number] {
  const { vm, folder, round, takenAt, isPending, nextRoundSeconds, downtime, rehearsal, problem } = replica;
  const rehearsed = rehearsal && {
    takenAt: rehearsal.takenAt,
    rehearsedAt: rehearsal.rehearsedAt,
    isGood: rehearsal.isGood,
    problem: rehearsal.problem,
  };
  return { vm, folder, round, takenAt, isPending, nextRoundSeconds, downtime, rehearsal: rehearsed, problem };
}

/** A record as displayed, with the path of its file. */
function jobDocument({ problem, ...job }: JobView): JobDocument {
  return { ...job, problem };
}

/** The `result` of `list --json`. */
export function listDocument(vms: readonly ListedVm[]): ListDocument {
  return vms.map((vm) => ({
    name: vm.name,
    inventoryPath: vm.inventoryPath,
    moRef: vm.moRef,
    powerState: vm.powerState,
    template: vm.template,
    guest: vm.guest,
    disks: vm.disks,
    cpus: vm.cpus,
    memoryBytes: vm.memoryBytes,
    unreadable: vm.unreadable,
    usedBytes: vm.usedBytes,
    datastores: vm.datastores,
    host: vm.host,
    folder: vm.folder,
    check: vm.check,
    instanceUuid: vm.instanceUuid,
    biosUuid: vm.biosUuid,
    managedBy: vm.managedBy,
  }));
}
