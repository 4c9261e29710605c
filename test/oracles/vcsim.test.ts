import { expect } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { testWithOracle } from './oracle.ts';
import { outputOf } from './run-program.ts';

for (const [kind, flags] of [
  ['a vCenter', []],
  ['an ESXi host', ['-esx']],
] as const) {
  testWithOracle(['vcsim', 'govc'], `vcsim simulates ${kind} with the machines that were asked for`, async (paths) => {
    const args = ['-l', '127.0.0.1:0', '-vm', '2', '-username', 'user', '-password', 'secret', ...flags];
    const vcsim = spawn(paths.vcsim, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      const [line]: string[] = await once(vcsim.stdout.setEncoding('utf8'), 'data');
      const url = /GOVC_URL=(\S+) GOVC_SIM_PID=\d+/.exec(line ?? '')?.[1] ?? '';
      const env = { GOVC_URL: url, GOVC_INSECURE: 'true', GOVC_PERSIST_SESSION: 'false' };
      const vms = await outputOf(paths.govc, ['find', '/', '-type', 'm'], env);
      expect(vms.trim().split('\n').length).toBeGreaterThanOrEqual(2);
    } finally {
      vcsim.kill();
      await once(vcsim, 'exit');
    }
  });
}
