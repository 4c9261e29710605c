import type { BootTestResult } from '../../operations/boot-test/types.ts';
import type { BootTestDocument } from '../../operations/documents/schemas.ts';

/** The `result` of `boot-test --json`. */
export function bootTestDocument(result: BootTestResult): BootTestDocument {
  return {
    target: result.target,
    name: result.name,
    verdict: result.verdict,
    networkUp: result.networkUp,
    seconds: result.seconds,
    accelerator: result.accelerator,
    firmware: result.firmware,
    loginPromptSeconds: result.loginPromptSeconds,
    guestAgentSeconds: result.guestAgentSeconds,
    nics: result.nics,
    restarts: result.restarts,
    failure: result.failure,
    failedUnits: result.failedUnits,
    lastLines: result.lastLines,
    picture: result.picture,
    serialLog: result.serialLog,
    job: result.job,
    warnings: result.warnings,
    problem: result.problem,
  };
}
