import type { FixReportDocument } from '../../operations/fix-guest/report-schema.ts';
import type { FixReport } from '../../operations/fix-guest/types.ts';

/** A report about a guest, in the form that `export --json` and `convert --json` print. */
export function fixReportDocument(report: FixReport): FixReportDocument {
  if (report.outcome === 'not-fixed') return { outcome: report.outcome, reason: report.reason, hint: report.hint };
  const { outcome, system, root, changes, warnings, boot, bootBefore, configuredNics, seconds } = report;
  return {
    outcome,
    system,
    root,
    changes,
    warnings,
    boot,
    bootBefore,
    seconds,
    ...(configuredNics && { configuredNics }),
  };
}
