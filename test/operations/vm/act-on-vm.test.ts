import { expect, test } from '@jest/globals';
import { actOnVm } from '../../../src/operations/vm/act-on-vm.ts';
import type { VmAction } from '../../../src/operations/vm/types.ts';
import {
  resolveConnectionSettings,
  type ConnectionSettings,
} from '../../../src/vsphere/connection/connection-settings.ts';
import { testWithOracle } from '../../oracles/oracle.ts';
import { emptyContent } from '../../server/content-source.ts';
import type { TestServerOptions, VmOptions } from '../../server/options.ts';
import { startTestServer, type TestServer } from '../../server/test-server.ts';
import { connectionTo } from '../export/export-run.ts';
import { startVcsim } from '../export/vcsim-server.ts';

const VM: VmOptions = {
  name: 'web',
  folder: ['Linux'],
  iso: '[datastore1] iso/debian.iso',
  disks: [{ content: emptyContent(1 << 20) }],
  snapshots: [{ name: 'before' }],
};

function act(connection: ConnectionSettings, action: VmAction, vm = '/DC0/vm/Linux/web', limitMs = 20_000) {
  const context = { signal: new AbortController().signal, report: () => undefined };
  return actOnVm({ connection, vm, action, limitMs }, context);
}

async function withServer(
  options: Partial<VmOptions> & { server?: TestServerOptions },
  run: (connection: ConnectionSettings, server: TestServer) => Promise<void>,
): Promise<void> {
  const { server: more, ...vm } = options;
  await using server = await startTestServer({ vms: [{ ...VM, ...vm }], ...more });
  await run(connectionTo(server), server);
  expect(server.state().sessions).toEqual([]);
}

test.concurrent('info tells what a VM is, and changes nothing', () =>
  withServer({}, async (connection) => {
    expect(await act(connection, 'info')).toMatchObject({
      changed: false,
      info: {
        name: 'web',
        inventoryPath: '/DC0/vm/Linux/web',
        powerState: 'poweredOff',
        disks: [{ label: 'Hard disk 1', capacityBytes: 1 << 20 }],
        snapshots: ['before'],
        hardware: { vcpus: 1, cdRoms: 1, firmware: 'bios' },
      },
    });
  }),
);

test.concurrent('shutdown waits until the guest is down, and leaves a VM that is off as it is', () =>
  withServer({ powerState: 'poweredOn' }, async (connection, server) => {
    expect(await act(connection, 'shutdown')).toEqual({ vm: 'web', changed: true, sentence: 'web is shut down.' });
    expect(server.state().vms['web']?.powerState).toBe('poweredOff');
    expect(await act(connection, 'shutdown')).toMatchObject({ changed: false });
    expect(await act(connection, 'poweroff')).toMatchObject({
      changed: false,
      sentence: 'web is already powered off.',
    });
  }),
);

test.concurrent('a guest that does not shut down in time is told, and poweroff cuts its power', () =>
  withServer({ powerState: 'poweredOn', shutdown: 'never' }, async (connection, server) => {
    await expect(act(connection, 'shutdown', 'web', 500)).rejects.toMatchObject({
      kind: 'transfer',
      hint: expect.stringContaining('-op poweroff'),
    });
    expect(await act(connection, 'poweroff', 'web')).toMatchObject({ changed: true });
    expect(server.state().vms['web']?.powerState).toBe('poweredOff');
  }),
);

test.concurrent('remove-cdrom takes the drive out, once', () =>
  withServer({}, async (connection) => {
    expect(await act(connection, 'remove-cdrom')).toMatchObject({ sentence: 'Removed from web: CD/DVD drive 1.' });
    expect(await act(connection, 'remove-cdrom')).toMatchObject({ changed: false });
    expect(await act(connection, 'info')).toMatchObject({ info: { hardware: { cdRoms: 0 } } });
  }),
);

test.concurrent(
  'what the server refuses is an error of its kind: a VM that is on, a right that is missing',
  async () => {
    await withServer({ powerState: 'poweredOn' }, async (connection) => {
      await expect(act(connection, 'remove-cdrom')).rejects.toMatchObject({ faultType: 'InvalidPowerState' });
    });
    const missingPrivileges = ['VirtualMachine.Config.AddRemoveDevice'];
    await withServer({ server: { vms: [VM], missingPrivileges } }, async (connection) => {
      await expect(act(connection, 'remove-cdrom')).rejects.toMatchObject({ kind: 'authentication' });
      await expect(act(connection, 'info', 'nothing')).rejects.toMatchObject({ kind: 'not-found' });
    });
  },
);

testWithOracle(['vcsim', 'govc'], "the vendor's simulator takes the drive out as it is asked", async (oracles) => {
  await using server = await startVcsim(oracles);
  const connection = resolveConnectionSettings({
    flags: { url: server.url.href, username: 'user', insecure: true },
    timeoutMs: 60_000,
    env: { HYPER2KVM_PASSWORD: 'secret' },
    profile: undefined,
    password: () => Promise.reject(new Error('the password is in the environment')),
  });
  const vm = 'DC0_H0_VM0';
  expect(await act(connection, 'poweroff', vm)).toMatchObject({ changed: true });
  expect(await server.govc('device.ls', '-vm', vm)).toContain('VirtualCdrom');
  expect(await act(connection, 'remove-cdrom', vm)).toMatchObject({ changed: true });
  expect(await server.govc('device.ls', '-vm', vm)).not.toContain('VirtualCdrom');
  expect(await act(connection, 'info', vm)).toMatchObject({
    info: { powerState: 'poweredOff', hardware: { cdRoms: 0 } },
  });
});
