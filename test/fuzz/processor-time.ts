/**
 * Runs `work`. Returns its result and the processor time that this process used meanwhile, in milliseconds. Unlike the
 * elapsed time, it does not depend on the load of the machine.
 * It has no time limit: a wait that never ends is stopped by the time limit of the test.
 */
export async function withProcessorTime<Result>(work: () => Promise<Result>): Promise<{ result: Result; ms: number }> {
  const before = process.cpuUsage();
  const result = await work();
  const { user, system } = process.cpuUsage(before);
  return { result, ms: (user + system) / 1000 };
}
