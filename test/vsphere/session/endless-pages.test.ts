import { expect, test } from '@jest/globals';
import { readProperties } from '../../../src/vsphere/session/properties.ts';
import type { VsphereClient } from '../../../src/vsphere/session/vsphere-client.ts';
import { parseXml } from '../../../src/vsphere/soap/xml-element.ts';

const VM = { type: 'VirtualMachine', value: 'vm-1' };

/** A client whose server always returns another page. */
function endlessClient(objects: number): { client: VsphereClient; calls: () => number } {
  const object = '<objects><obj type="VirtualMachine">vm-1</obj></objects>';
  const page = parseXml(`<r><returnval><token>1</token>${object.repeat(objects)}</returnval></r>`, 'vc');
  let calls = 0;
  const client = {
    server: 'vc:443',
    content: { propertyCollector: { type: 'PropertyCollector', value: 'pc' } },
    readTogether: (read: () => Promise<unknown>) => read(),
    call: () => {
      calls += 1;
      return Promise.resolve(page);
    },
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return { client: client as unknown as VsphereClient, calls: () => calls };
}

test.each([0, 1])('pages of %i objects without end are refused', async (objects) => {
  const { client, calls } = endlessClient(objects);
  await expect(readProperties(client, VM, ['name'], new AbortController().signal)).rejects.toMatchObject({
    kind: 'transfer',
    message: 'vc:443 returned more than 5000 pages.',
  });
  expect(calls()).toBe(5001);
});
