import { Hyper2kvmError, type ErrorFacts } from '../../base/errors.ts';
import { backOffMs, pause } from '../../base/time-limit.ts';
import type { WsdlMethod } from '../soap/wsdl-types.ts';

/** A response with an HTTP status that a SOAP server does not send. */
export class HttpStatusError extends Hyper2kvmError {
  readonly status: number;

  constructor(status: number, sentence: string, facts: ErrorFacts) {
    super('transfer', sentence, facts);
    this.status = status;
  }
}

/**
 * Calls that are safe to repeat: reads and idempotent calls. A repeated `Login` whose first response was lost may leave
 * an extra session, which the server ends when idle. Property reads are repeated as a group, see
 * `VsphereClient.readTogether`.
 */
const REPEATABLE: ReadonlySet<WsdlMethod> = new Set([
  'RetrieveServiceContent',
  'CurrentTime',
  'Login',
  'FindByUuid',
  'FindByInventoryPath',
  'HasPrivilegeOnEntities',
  'QueryChangedDiskAreas',
  'RetrieveInternalContent',
  'NfcGetServerNfcLibVersion',
  'NfcGetVmFiles',
  'HttpNfcLeaseGetManifest',
  'HttpNfcLeaseSetManifestChecksumType',
  'CreateDescriptor',
]);

export function isRepeatable(method: WsdlMethod): boolean {
  return REPEATABLE.has(method);
}

/** RFC 6585 section 4 and RFC 9110 section 15.6: a gateway or server that could not handle this request at the moment. */
const PASSING_STATUSES = new Set([429, 502, 503, 504]);
const RESET_CODES = new Set(['ECONNRESET', 'ECONNABORTED', 'EPIPE']);
const MOST_TRIES = 5;

/** True for a busy gateway or a reset connection, after which a retry can succeed. False for a timeout. */
export function isPassingFailure(error: unknown): boolean {
  if (error instanceof HttpStatusError) return PASSING_STATUSES.has(error.status);
  const cause = error instanceof Hyper2kvmError ? error.cause : undefined;
  return typeof cause === 'object' && cause !== null && 'code' in cause && RESET_CODES.has(String(cause.code));
}

export interface RepeatOptions {
  signal: AbortSignal;
  /** Defaults to {@link isPassingFailure}. */
  mayPass?: (error: unknown) => boolean;
  /** Called before each pause. */
  onRetry?: ((attempt: number, waitMs: number, error: unknown) => void) | undefined;
}

/**
 * Runs `work`, and repeats it a limited number of times with growing pauses while it fails with an error that `mayPass`
 * accepts. All retries of server calls are made here.
 */
export async function repeatWhilePassing<Result>(
  work: () => Promise<Result>,
  { signal, mayPass = isPassingFailure, onRetry }: RepeatOptions,
): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    const waitMs = backOffMs(attempt);
    try {
      return await work();
    } catch (error) {
      if (attempt === MOST_TRIES || !mayPass(error)) throw error;
      onRetry?.(attempt, waitMs, error);
    }
    await pause(waitMs, signal);
  }
}
