import { expect } from '@jest/globals';
import { readConfigDigest } from '../../../src/vsphere/vm/config-digest.ts';
import { resolveConnectionSettings } from '../../../src/vsphere/connection/connection-settings.ts';
import { VsphereClient } from '../../../src/vsphere/session/vsphere-client.ts';
import { testWithOracle } from '../../oracles/oracle.ts';
import { startVcsim } from '../../operations/export/vcsim-server.ts';

testWithOracle(
  ['govc', 'vcsim'],
  'the digest of a configuration outlives a snapshot, and no change, on the vendor’s simulator',
  async (oracles) => {
    await using server = await startVcsim(oracles);
    const { signal } = new AbortController();
    const client = new VsphereClient(
      resolveConnectionSettings({
        flags: { url: server.url.href, username: 'user', insecure: true },
        timeoutMs: 60_000,
        env: { HYPER2KVM_PASSWORD: 'secret' },
        password: () => Promise.reject(new Error('the password is in the environment')),
      }),
    );
    await client.login(signal);
    const [line = ''] = (await server.govc('vm.info', '-json', 'DC0_H0_VM0')).match(/"vm-\d+"/) ?? [];
    const digest = () => readConfigDigest(client, { type: 'VirtualMachine', value: line.slice(1, -1) }, signal);
    const before = await digest();
    expect(before).toMatch(/^[0-9a-f]{64}$/);
    await server.govc('snapshot.create', '-vm', 'DC0_H0_VM0', 'own');
    await server.govc('snapshot.remove', '-vm', 'DC0_H0_VM0', 'own');
    expect(await digest()).toBe(before);
    await server.govc('vm.change', '-vm', 'DC0_H0_VM0', '-annotation', 'another');
    expect(await digest()).not.toBe(before);
    await client.logout(signal);
  },
);
