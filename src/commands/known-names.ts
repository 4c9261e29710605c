/**
 * `hyper2kvm __complete vms|jobs|running-jobs [WORD]`, for the completion scripts: names that are known without a query
 * to a server, one per line. Prints nothing for an unknown kind.
 */
export async function printKnownNames([kind, typed = '']: readonly string[]): Promise<void> {
  const names = await knownNames(kind, typed);
  process.stdout.write(names.map((name) => `${name}\n`).join(''));
}

async function knownNames(kind: string | undefined, typed: string): Promise<string[]> {
  if (kind === 'vms') return (await import('../operations/known-vms.ts')).knownVms(process.env, typed);
  if (kind === 'jobs') return (await import('../operations/status/show-jobs.ts')).knownJobs(process.env);
  if (kind === 'running-jobs') return (await import('../operations/status/show-jobs.ts')).runningJobs(process.env);
  return [];
}
