import { Hyper2kvmError, type ErrorFacts } from '../../base/errors.ts';
import { backOffMs, pause } from '../../base/time-limit.ts';
import type { WsdlMethod } from '../soap/wsdl-types.ts';

/** An answer with an HTTP status that is not the SOAP server's. */
export class HttpStatusError extends Hyper2kvmError {
  readonly status: number;

  constructor(status: number, sentence: string, facts: ErrorFacts) {
    super('transfer', sentence, facts);
    this.status = status;
  }
}

/**
 * Calls that may be made twice: reads, and calls after which the server is in the same state however often they were made. A `Login` whose answer was lost may
 * leave a session more, which the server ends when it has been idle. Property reads are repeated as a whole, see `VsphereClient.readTogether`.
 */
const REPEATABLE: ReadonlySet<WsdlMethod> = new Set([
  'RetrieveServiceContent',
  'CurrentTime',
  'Login',
  'FindByUuid',
  'FindByInventoryPath',
  'HasPrivilegeOnEntities',
  'HttpNfcLeaseGetManifest',
  'HttpNfcLeaseSetManifestChecksumType',
  'CreateDescriptor',
]);

export function isRepeatable(method: WsdlMethod): boolean {
  return REPEATABLE.has(method);
}

/** RFC 6585 section 4 and RFC 9110 section 15.6: a gateway or server that could not handle this request now. */
const PASSING_STATUSES = new Set([429, 502, 503, 504]);
const RESET_CODES = new Set(['ECONNRESET', 'ECONNABORTED', 'EPIPE']);
const MOST_TRIES = 5;

/** True for a busy gateway and a connection that was reset, after which the same request can succeed. A time limit that was reached is not one. */
export function isPassingFailure(error: unknown): boolean {
  if (error instanceof HttpStatusError) return PASSING_STATUSES.has(error.status);
  const cause = error instanceof Hyper2kvmError ? error.cause : undefined;
  return typeof cause === 'object' && cause !== null && 'code' in cause && RESET_CODES.has(String(cause.code));
}

export interface RepeatOptions {
  signal: AbortSignal;
  /** {@link isPassingFailure} when unset. */
  mayPass?: (error: unknown) => boolean;
  /** Called before each pause. */
  onRetry?: ((attempt: number, waitMs: number, error: unknown) => void) | undefined;
}

/** The one place that repeats calls to the server: does `work` again, some times with growing pauses, as long as it fails in a way that `mayPass`. */
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
