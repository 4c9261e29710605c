import { array, nullable, object, string } from 'valibot';
import { GuestNetNicSchema, type GuestNetNic } from '../../base/guest-net.ts';

/** The addresses of a guest at its export. */
export interface GuestNetReport {
  /** When they were read; ISO 8601, UTC. Null if they are not known. */
  readAt: string | null;
  /** Why they are not known, as a sentence. */
  reason: string | null;
  /** The file that records them. */
  file: string | null;
  nics: GuestNetNic[];
}

export const GuestNetReportSchema = object({
  readAt: nullable(string()),
  reason: nullable(string()),
  file: nullable(string()),
  nics: array(GuestNetNicSchema),
});
