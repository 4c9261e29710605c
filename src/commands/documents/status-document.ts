import type { JobView } from '../../jobs/job-record.ts';
import type { JobDocument, ListDocument, StatusDocument } from '../../operations/documents/schemas.ts';
import type { ListedVm } from '../../operations/list-types.ts';
import type { StatusResult } from '../../operations/status/types.ts';

/** The `result` of `status --json`. */
export function statusDocument(result: StatusResult | JobView): StatusDocument | JobDocument {
  if (!('findings' in result)) return jobDocument(result);
  const { version, findings, jobs } = result;
  return { version, findings, jobs: jobs.map(jobDocument) };
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
    instanceUuid: vm.instanceUuid,
    biosUuid: vm.biosUuid,
    managedBy: vm.managedBy,
  }));
}
