import { expect } from '@jest/globals';
import { listVms } from '../../../src/operations/list/list-vms.ts';
import { resolveConnectionSettings } from '../../../src/vsphere/connection/connection-settings.ts';
import { testWithOracle } from '../../oracles/oracle.ts';
import { ScratchFolder } from '../export/export-run.ts';
import { startVcsim } from '../export/vcsim-server.ts';

/** The fields of `govc vm.info -json` that are compared. */
interface GovcVm {
  name: string;
  runtime: { powerState: string; host: { value: string } };
  summary: { storage: { committed: number } };
  config: { hardware: { numCPU: number; memoryMB: number }; instanceUuid: string };
  datastore: { value: string }[];
}

for (const [kind, flags] of [
  ['vCenter', ['-vm', '3', '-host', '2']],
  ['ESXi host', ['-esx', '-vm', '3']],
] as const) {
  testWithOracle(['vcsim', 'govc'], `lists what govc reports of a simulated ${kind}`, async (oracles) => {
    await using server = await startVcsim(oracles, flags);
    await using scratch = await ScratchFolder.make();
    const connection = resolveConnectionSettings({
      flags: { url: server.url.href, username: 'user', insecure: true },
      timeoutMs: 60_000,
      env: { HYPER2KVM_PASSWORD: 'secret' },
      password: () => Promise.reject(new Error('the password is in the environment')),
    });
    const context = { signal: new AbortController().signal, report: () => undefined };
    const listed = await listVms(
      { connection, glob: undefined, check: true, env: { XDG_STATE_HOME: scratch.path } },
      context,
    );
    const { virtualMachines }: { virtualMachines: GovcVm[] } = JSON.parse(await server.govc('vm.info', '-json', '*'));
    const named = async (...args: string[]): Promise<Map<string, string>> => {
      const [found = []]: { self: { value: string }; name: string }[][] = Object.values(
        JSON.parse(await server.govc(args[0] ?? '', '-json', ...args.slice(1))),
      );
      return new Map(found.map(({ self, name }) => [self.value, name]));
    };
    const [hosts, datastores] = [await named('host.info', '*'), await named('datastore.info')];
    expect(listed.length).toBeGreaterThan(2);
    expect(listed.map((vm) => ({ ...vm, datastores: vm.datastores.toSorted() }))).toEqual(
      expect.arrayContaining(
        virtualMachines.map((vm) =>
          expect.objectContaining({
            name: vm.name,
            powerState: vm.runtime.powerState,
            host: hosts.get(vm.runtime.host.value),
            usedBytes: vm.summary.storage.committed,
            cpus: vm.config.hardware.numCPU,
            memoryBytes: vm.config.hardware.memoryMB * 2 ** 20,
            instanceUuid: vm.config.instanceUuid,
            datastores: vm.datastore.map(({ value }) => datastores.get(value) ?? '').toSorted(),
            check: expect.objectContaining({ exportable: 'snapshot', problems: [] }),
          }),
        ),
      ),
    );
    expect(virtualMachines).toHaveLength(listed.length);
  });
}
