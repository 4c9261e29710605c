import { dirname } from 'node:path';
import { expect } from '@jest/globals';
import {
  destroyDomain,
  domainState,
  isAgentAlive,
  sentPackets,
  startDomain,
} from '../../../src/domain/libvirt/domain-control.ts';
import { testWithOracle } from '../../oracles/oracle.ts';

/** libvirt's test driver. It has one running domain, and its state ends with each virsh process. */
const TEST = '6695eb01-f6a4-8304-79aa-97f2502e193f';
const SIGNAL = new AbortController().signal;

testWithOracle('virsh', 'libvirt understands how a domain is queried, started and stopped', async ({ virsh }) => {
  const connection = { uri: 'test:///default', env: { PATH: dirname(virsh) } };
  expect(await domainState(connection, TEST.toUpperCase(), SIGNAL)).toBe('running');
  expect(await domainState(connection, 'test', SIGNAL)).toBe('running');
  expect(await domainState(connection, 'web', SIGNAL)).toBe('missing');
  await destroyDomain(connection, TEST, SIGNAL);
  await expect(startDomain(connection, TEST, SIGNAL)).rejects.toMatchObject({
    kind: 'host',
    message: expect.stringMatching(/could not be started: .*already active\.$/),
  });
  // The test driver knows neither the agent nor packets.
  expect(await isAgentAlive(connection, TEST, SIGNAL)).toBe(false);
  expect(await sentPackets(connection, TEST, SIGNAL)).toBe(0);
  const elsewhere = { ...connection, uri: 'test:///no/such.xml' };
  await expect(domainState(elsewhere, TEST, SIGNAL)).rejects.toMatchObject({ kind: 'host' });
});
