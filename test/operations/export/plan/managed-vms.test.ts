import { describe, expect, test } from '@jest/globals';
import { startTestServer } from '../../../server/test-server.ts';
import { runExport, ScratchFolder } from '../export-run.ts';
import { VM } from '../source/small-web.ts';

describe('VMs that an extension manages', () => {
  const vms = [VM, { ...VM, name: 'vCLS-1', managedBy: { extensionKey: 'com.vmware.vim.eam', type: 'cluster-agent' } }];

  test.concurrent('are skipped by a pattern, which says so', async () => {
    await using server = await startTestServer({ vms });
    await using scratch = await ScratchFolder.make();
    const { error, result, events } = await runExport(server, scratch, { vms: ['*'] });
    expect(error).toBeUndefined();
    expect(result?.exported.map(({ vm }) => vm)).toEqual(['web']);
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'step', step: 'find', detail: expect.stringContaining('vCLS-1') }),
    );
  });

  test.concurrent('are named when a pattern matches nothing else, and found by their name', async () => {
    await using server = await startTestServer({ vms });
    await using scratch = await ScratchFolder.make();
    const pattern = await runExport(server, scratch, { vms: ['vCLS*'] });
    expect(pattern.error).toMatchObject({ kind: 'not-found', message: expect.stringContaining('com.vmware.vim.eam') });
    const named = await runExport(server, scratch, { vms: ['vCLS-1'] });
    expect(named.error).toMatchObject({ faultType: 'MethodDisabled' });
  });
});
