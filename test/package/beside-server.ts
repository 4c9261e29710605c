// Runs the binary in an empty root, next to a test server in this process. Both share this process's network namespace.
// If bwrap starts this process, that namespace has only a loopback interface. Prints the results as JSON. Usage: node
// test/package/beside-server.ts BWRAP ROOT ARG...
import { networkInterfaces } from 'node:os';
import { runProgram, type ProgramResult } from '../oracles/run-program.ts';
import { mixedContent } from '../server/content-source.ts';
import { startTestServer } from '../server/test-server.ts';
import { wordsInRoot } from './empty-root.ts';

export const DISK = mixedContent(5 << 20, 'beside-server');

/** The JSON that this program prints. */
export interface Seen {
  interfaces: string[];
  run: ProgramResult;
  sessionsLeft: number;
  leases: string[];
}

if (import.meta.main) {
  const [bwrap = '', root = '', ...args] = process.argv.slice(2);
  await using server = await startTestServer({ vms: [{ name: 'web', disks: [{ content: DISK }] }] });
  const settings = {
    HYPER2KVM_URL: server.url.href,
    HYPER2KVM_USERNAME: server.username,
    HYPER2KVM_PASSWORD: server.password,
    HYPER2KVM_THUMBPRINT: server.thumbprint.sha256,
  };
  const [command, ...words] = wordsInRoot(bwrap, root, args, { settings, network: 'outer' });
  const run = await runProgram(command, words);
  const { leases, sessions } = server.state();
  const seen: Seen = {
    interfaces: Object.keys(networkInterfaces()),
    run,
    sessionsLeft: sessions.length,
    leases: leases.map(({ outcome }) => outcome),
  };
  process.stdout.write(JSON.stringify(seen));
}
