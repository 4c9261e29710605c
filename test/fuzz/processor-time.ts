/**
 * Runs `work`, and gives its result and how long a processor worked for this process meanwhile: unlike the time that passed, it does not grow while the machine does other
 * things. What waits for ever ends by the limit of its test.
 */
export async function withProcessorTime<Result>(work: () => Promise<Result>): Promise<{ result: Result; ms: number }> {
  const before = process.cpuUsage();
  const result = await work();
  const { user, system } = process.cpuUsage(before);
  return { result, ms: (user + system) / 1000 };
}
