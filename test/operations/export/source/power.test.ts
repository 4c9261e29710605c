import { describe, expect, test } from '@jest/globals';
import type { PowerChoice } from '../../../../src/operations/export/types.ts';
import { emptyContent, mixedContent } from '../../../server/content-source.ts';
import type { VmOptions } from '../../../server/options.ts';
import { startTestServer, type TestServer } from '../../../server/test-server.ts';
import { leftOnServer, NOTHING_LEFT, runExport, ScratchFolder, type ExportRun } from '../export-run.ts';

const RUNNING: VmOptions = {
  name: 'web',
  powerState: 'poweredOn',
  disks: [{ content: mixedContent(1 << 20, 'web') }],
};
const SNAPSHOT: PowerChoice = { kind: 'snapshot', quiesce: false };
const QUIESCED: PowerChoice = { kind: 'snapshot', quiesce: true };

/** A shutdown with a limit of one minute. */
function shutdown(rest: { forcePowerOff?: boolean; restart?: boolean; limitMinutes?: number } = {}): PowerChoice {
  return { kind: 'shutdown', limitMinutes: 1, forcePowerOff: false, restart: false, ...rest };
}
/** For a guest that does not shut down. */
const SHORT = { limitMinutes: 0.02 };

interface PowerRun extends ExportRun {
  server: TestServer;
  files: string[];
  /** Warnings, in order. */
  warnings: string[];
}

async function exportWith(vm: VmOptions, power: PowerChoice, fail = false): Promise<PowerRun> {
  await using server = await startTestServer({ vms: [vm] });
  await using scratch = await ScratchFolder.make();
  if (fail) server.faults.add({ on: 'disk', action: 'status', status: 403 });
  const run = await runExport(server, scratch, { power });
  expect(leftOnServer(server)).toMatchObject({ sessions: 0, leases: [] });
  const warnings = run.events.filter((event) => event.type === 'warning').map(({ message }) => message);
  return { ...run, server, files: await scratch.files(), warnings };
}

function powerOf({ server }: PowerRun): string | undefined {
  return server.state().vms['web']?.powerState;
}

describe('a running VM', () => {
  test.concurrent('is refused without a choice, and the ways on are named', async () => {
    const { error, server, files } = await exportWith(RUNNING, { kind: 'as-is' });
    expect(error).toMatchObject({
      kind: 'usage',
      message: 'web cannot be exported: web is powered on.',
      hint: expect.stringMatching(/--snapshot .*--shutdown .*power it off/),
    });
    expect(files).toEqual([]);
    expect(server.state().leases).toEqual([]);
  });

  test.concurrent('is exported from a snapshot of its own, which is gone afterwards', async () => {
    const run = await exportWith(RUNNING, SNAPSHOT);
    expect(run.error).toBeUndefined();
    expect(run.files).toContain('web.ovf');
    expect(run.server.state().leases).toMatchObject([{ snapshot: expect.stringMatching(/^hyper2kvm-export-/) }]);
    expect(leftOnServer(run.server)).toEqual(NOTHING_LEFT);
    expect(powerOf(run)).toBe('poweredOn');
    expect(run.result?.exported[0]).not.toHaveProperty('quiesced');
  });
});

describe('a quiesced snapshot', () => {
  test.concurrent('that works is told in the result', async () => {
    const { error, result, warnings } = await exportWith({ ...RUNNING, quiesce: 'works' }, QUIESCED);
    expect(error).toBeUndefined();
    expect(result?.exported[0]).toMatchObject({ quiesced: true, warnings: [] });
    expect(warnings).toEqual([]);
  });

  test.concurrent.each<[string, VmOptions]>([
    ['by the host', { ...RUNNING, quiesce: 'skipped' }],
    ['for want of tools', { ...RUNNING, tools: 'notRunning' }],
  ])('that was skipped in silence %s is a warning', async (_why, vm) => {
    const { error, result, warnings } = await exportWith(vm, QUIESCED);
    expect(error).toBeUndefined();
    expect(result?.exported[0]).toMatchObject({ quiesced: false });
    expect(warnings).toContain('The snapshot was not quiesced: the disks are as after a power failure.');
  });

  test.concurrent('that fails ends the export with the reason', async () => {
    const { error, server, files } = await exportWith({ ...RUNNING, quiesce: 'fails' }, QUIESCED);
    expect(error).toMatchObject({
      kind: 'transfer',
      message: expect.stringMatching(/ApplicationQuiesceFault: .*quiescing/),
    });
    expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
    expect(files).toEqual([]);
  });
});

describe('a snapshot of the user', () => {
  const snapshots = [{ name: 'before', children: [{ name: 'after' }] }, { name: 'twice' }, { name: 'twice' }];
  const vm: VmOptions = { ...RUNNING, snapshots };

  test.concurrent('is exported and stays', async () => {
    const { error, server, warnings } = await exportWith(vm, { kind: 'from-snapshot', name: 'after' });
    expect(error).toBeUndefined();
    expect(server.state().leases).toMatchObject([{ snapshot: 'after', outcome: 'completed' }]);
    expect(leftOnServer(server).snapshots).toEqual(['before', 'after', 'twice', 'twice']);
    expect(warnings).toEqual([]);
  });

  test.concurrent('that is not there is an error with the names that are', async () => {
    const { error } = await exportWith(vm, { kind: 'from-snapshot', name: 'never' });
    expect(error).toMatchObject({
      kind: 'not-found',
      message: 'web cannot be exported: There is no snapshot "never".',
      hint: 'The VM has "before", "after", "twice", "twice".',
    });
  });

  test.concurrent('whose name two have is an error', async () => {
    const { error } = await exportWith(vm, { kind: 'from-snapshot', name: 'twice' });
    expect(error).toMatchObject({ kind: 'not-found', message: expect.stringMatching(/2 snapshots are named "twice"/) });
  });
});

describe('a shutdown', () => {
  test.concurrent('is not begun while another name means no VM', async () => {
    await using server = await startTestServer({ vms: [RUNNING] });
    await using scratch = await ScratchFolder.make();
    const { error } = await runExport(server, scratch, { power: shutdown(), vms: ['web', '10'] });
    expect(error).toMatchObject({ kind: 'not-found', hint: expect.stringContaining('No guest was shut down') });
    expect(server.state().vms['web']?.powerState).toBe('poweredOn');
    expect(await scratch.files()).toEqual([]);
    const others = await runExport(server, scratch, { power: SNAPSHOT, vms: ['web', '10'] });
    expect(others.result).toMatchObject({ state: 'partial' });
  });

  test.concurrent('brings the guest down, and the VM stays off', async () => {
    const run = await exportWith(RUNNING, shutdown());
    expect(run.error).toBeUndefined();
    expect(run.files).toContain('web.ovf');
    expect(powerOf(run)).toBe('poweredOff');
  });

  test.concurrent('with a restart powers the VM on again', async () => {
    const run = await exportWith(RUNNING, shutdown({ restart: true }));
    expect(run.error).toBeUndefined();
    expect(powerOf(run)).toBe('poweredOn');
  });

  test.concurrent('with a restart powers the VM on again after a failure too', async () => {
    const run = await exportWith(RUNNING, shutdown({ restart: true }), true);
    expect(run.error).toMatchObject({ kind: 'transfer' });
    expect(powerOf(run)).toBe('poweredOn');
  });

  test.concurrent('that the guest ignores is an error, and the VM goes on running', async () => {
    const run = await exportWith({ ...RUNNING, shutdown: 'never' }, shutdown({ ...SHORT, restart: true }));
    expect(run.error).toMatchObject({
      kind: 'transfer',
      message: expect.stringMatching(/^The guest of web did not shut down within/),
      hint: expect.stringMatching(/--shutdown=TIME.*--force-power-off/),
    });
    expect(run.files).toEqual([]);
    expect(powerOf(run)).toBe('poweredOn');
  });

  test.concurrent('that the guest ignores is followed by a power-off where that is allowed', async () => {
    const run = await exportWith(
      { ...RUNNING, shutdown: 'never' },
      shutdown({ ...SHORT, forcePowerOff: true, restart: true }),
    );
    expect(run.error).toBeUndefined();
    expect(run.server.state().calls.map(({ method }) => method)).toContain('PowerOffVM_Task');
    expect(powerOf(run)).toBe('poweredOn');
  });

  test.concurrent('of a guest without tools is refused before anything happens, or is a power-off', async () => {
    const vm: VmOptions = { ...RUNNING, tools: 'notRunning' };
    const refused = await exportWith(vm, shutdown());
    expect(refused.error).toMatchObject({ kind: 'usage', hint: expect.stringMatching(/--force-power-off/) });
    expect(powerOf(refused)).toBe('poweredOn');
    const forced = await exportWith(vm, shutdown({ forcePowerOff: true }));
    expect(forced.error).toBeUndefined();
    expect(powerOf(forced)).toBe('poweredOff');
  });

  test.concurrent('of a VM that is off already is nothing, and a restart leaves it off', async () => {
    const run = await exportWith({ ...RUNNING, powerState: 'poweredOff' }, shutdown({ restart: true }));
    expect(run.error).toBeUndefined();
    expect(powerOf(run)).toBe('poweredOff');
  });
});

test.concurrent.each([{ kind: 'as-is' }, SNAPSHOT, shutdown()] as const)(
  'a template is exported with %j',
  async (power) => {
    const { error, files, server } = await exportWith({ ...RUNNING, powerState: 'poweredOff', template: true }, power);
    expect(error).toBeUndefined();
    expect(files).toContain('web.ovf');
    expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
  },
);

test.concurrent('a suspended VM is exported from a snapshot only', async () => {
  const vm: VmOptions = { ...RUNNING, powerState: 'suspended' };
  for (const power of [{ kind: 'as-is' }, shutdown({ forcePowerOff: true })] as const) {
    const { error } = await exportWith(vm, power);
    expect(error).toMatchObject({ kind: 'usage', message: expect.stringMatching(/is suspended/) });
  }
  expect((await exportWith(vm, SNAPSHOT)).error).toBeUndefined();
});

test.concurrent('a VM without disks is exported as its descriptor alone', async () => {
  const { error, files, warnings } = await exportWith({ name: 'web' }, { kind: 'as-is' });
  expect(error).toBeUndefined();
  expect(files).toEqual(['web.mf', 'web.ovf']);
  expect(warnings).toEqual(['The VM has no disks.']);
});

test.concurrent('what stays behind is told: an ISO image, a passthrough device, the snapshots', async () => {
  const { error, warnings, files } = await exportWith(
    {
      name: 'web',
      iso: '[datastore1] iso/debian.iso',
      passthrough: true,
      snapshots: [{ name: 'old' }],
      consolidationNeeded: true,
      disks: [{ content: emptyContent(1 << 20) }],
    },
    { kind: 'as-is' },
  );
  expect(error).toBeUndefined();
  expect(files).toEqual(['web-disk-1.vmdk', 'web.mf', 'web.ovf']);
  expect(warnings).toEqual([
    'The VM has 1 snapshot; only the current state is exported.',
    expect.stringMatching(/consolidation/),
    expect.stringMatching(/debian\.iso is attached/),
    expect.stringMatching(/PCI device 0 is passed through/),
    expect.stringMatching(/OvfUnsupportedDeviceExport: Device 'PCI device 0' is not supported/),
  ]);
});
