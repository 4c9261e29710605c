import { expect, test } from '@jest/globals';
import { domainName } from '../../src/domain/libvirt/domain-xml.ts';
import { diskClaimName, kubernetesVmName } from '../../src/domain/kubevirt/kubernetes-name.ts';
import type { NamedVm } from '../../src/domain/vm-name.ts';

const UUIDS = ['5012abcd-0123-4567-89ab-000011112222', '5012abcd-0123-4567-89ab-000033334444'] as const;
const LONG = 'a'.repeat(62);

function pair([first, second]: readonly [string, string], facts: Partial<NamedVm> = {}): [NamedVm, NamedVm] {
  return [
    { name: first, identity: UUIDS[0], ...facts },
    { name: second, identity: UUIDS[1], ...facts },
  ];
}

test.each([
  ['Web_01', 'web-01'],
  ['Web_01', 'WEB 01'],
  [`${LONG}-one`, `${LONG}-two`],
  [`${'b'.repeat(56)}1`, `${'b'.repeat(56)}2`],
  ['日本', '中国'],
  ['a/b', 'a_b'],
] as const)('%j and %j have names and claims of their own in Kubernetes', (...names) => {
  for (const vms of [pair(names), names.map((name) => ({ name }))]) {
    expect(new Set(vms.map(kubernetesVmName)).size).toBe(2);
    expect(new Set(vms.flatMap((vm) => [0, 9998].map((index) => diskClaimName(vm, index)))).size).toBe(4);
    for (const vm of vms) {
      for (const name of [kubernetesVmName(vm), diskClaimName(vm, 9998)]) {
        expect(name).toMatch(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
      }
    }
  }
});

test.each([
  ['a/b', 'a_b'],
  ['a/b', 'a\\b'],
  ['-web', '_web'],
  ['web ', 'web'],
  ['é', 'e\u0301'],
  [`${'x'.repeat(250)}1`, `${'x'.repeat(250)}2`],
] as const)('%j and %j have names of their own in libvirt', (...names) => {
  const cleaned = pair(names).map(domainName);
  expect(new Set(cleaned).size).toBe(2);
  for (const name of cleaned) expect(Buffer.byteLength(name)).toBeLessThanOrEqual(215);
});

test('a name that is allowed stays as it is; another one ends as the instance UUID does', () => {
  const [odd, plain] = pair(['Web/01', 'web-01']);
  expect([kubernetesVmName(odd), kubernetesVmName(plain)]).toEqual(['web-01-11112222', 'web-01']);
  expect([domainName(odd), domainName(plain)]).toEqual(['Web_01-11112222', 'web-01']);
});

test('two VMs of one name, in different folders, both get a piece of their UUIDs', () => {
  const same = pair(['web', 'web'], { sharesName: true });
  expect(same.map(kubernetesVmName)).toEqual(['web-11112222', 'web-33334444']);
  expect(same.map(domainName)).toEqual(['web-11112222', 'web-33334444']);
});
