import type { ExportPlan, PlanTotals } from '../types.ts';

/** What {@link DryRunResult} sums up. */
export function totalsOf(plans: readonly ExportPlan[]): PlanTotals {
  const good = plans.filter(({ findings }) => findings.every(({ level }) => level !== 'error'));
  const disks = good.flatMap((plan) => plan.disks);
  return {
    vms: plans.length,
    exportable: good.length,
    disks: disks.length,
    capacityBytes: disks.reduce((sum, disk) => sum + disk.capacityBytes, 0),
    expectedBytes: good.reduce((sum, plan) => sum + plan.expectedBytes, 0),
    freeBytes: plans.length === 0 ? null : Math.min(...plans.map((plan) => plan.freeBytes)),
  };
}
