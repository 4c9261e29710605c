import { expect, test } from '@jest/globals';
import { chooseApiVersion } from '../../../src/vsphere/session/api-version.ts';
import { parseXml } from '../../../src/vsphere/soap/xml-element.ts';

const versions = (newest: string, ...prior: string[]) =>
  parseXml(
    `<namespaces version="1.0"><namespace><name>urn:other</name><version>99.0</version></namespace>` +
      `<namespace><name>urn:vim25</name><version>${newest}</version><priorVersions>` +
      `${prior.map((version) => `<version>${version}</version>`).join('')}</priorVersions></namespace></namespaces>`,
    'vc',
  );

test('the newest version that both sides know is spoken', () => {
  expect(chooseApiVersion(versions('8.0.3.0', '8.0.2.0', '7.0.3.0'))).toBe('8.0.3.0');
  expect(chooseApiVersion(versions('12.0.0.0', '11.0', '8.0.10.0', '8.0.9.0', '6.7'))).toBe('8.0.10.0');
});

test('a server that tells no version that is known gets 6.5', () => {
  expect(chooseApiVersion(versions('unstable', '99.1'))).toBe('6.5');
  expect(chooseApiVersion(parseXml('<namespaces/>', 'vc'))).toBe('6.5');
});
