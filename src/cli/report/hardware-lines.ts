import { safeText } from '../text/safe-text.ts';
import type { HardwareReport } from '../../operations/domain/make-domain.ts';

/** The virtual hardware of a VM and the reasons for it, indented below a summary. */
export function hardwareLines(hardware: HardwareReport | undefined): string[] {
  if (hardware === undefined) return [];
  return [
    `  Hardware: ${hardware.kind}. ${safeText(hardware.reason)}`,
    ...hardware.notes.map((note) => `  Note: ${safeText(note)}`),
  ];
}
