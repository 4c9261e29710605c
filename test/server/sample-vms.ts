import { emptyContent, mixedContent, randomContent } from './content-source.ts';
import type { VmOptions } from './options.ts';

const MIB = 1 << 20;

/** Sample VMs: several disks, an odd capacity, NVRAM, a running VM, a template, a name that needs escaping. */
export function sampleVms(): VmOptions[] {
  return [
    {
      name: 'web-01',
      folder: ['Linux'],
      firmware: 'efi',
      secureBoot: true,
      nvram: Buffer.alloc(8684, 'nvram'),
      networkAdapters: [{ macAddress: '00:50:56:01:02:03' }],
      disks: [
        { content: mixedContent(256 * MIB, 'web-01 system') },
        { content: emptyContent(64 * MIB) },
        { content: randomContent(16 * MIB + 512 * 3, 'web-01 data'), controller: 'pvscsi' },
      ],
    },
    {
      name: 'db-01',
      folder: ['Linux'],
      powerState: 'poweredOn',
      networkAdapters: [{ macAddress: '00:50:56:01:02:04' }],
      guestNet: {
        nics: [
          { macAddress: '02:42:ac:11:00:01', addresses: [{ address: '172.17.0.1', prefix: 16 }] },
          {
            macAddress: '00:50:56:01:02:04',
            deviceConfigId: 4000,
            network: 'VM Network',
            addresses: [{ address: '192.0.2.14' }, { address: 'fe80::250:56ff:fe01:204', prefix: 64 }],
          },
        ],
        gateways: [{ nic: 1, address: '192.0.2.1' }],
        dns: ['192.0.2.53'],
      },
      disks: [{ content: mixedContent(128 * MIB, 'db-01') }],
    },
    {
      name: 'golden image',
      folder: ['Templates'],
      template: true,
      disks: [{ content: mixedContent(32 * MIB, 'golden') }],
    },
    {
      name: 'Büro/50% "alt"',
      guestId: 'windows2019srv_64Guest',
      guestFullName: 'Microsoft Windows Server 2019 (64-bit)',
      snapshots: [{ name: 'before update', children: [{ name: 'after update' }] }],
      disks: [{ content: mixedContent(8 * MIB, 'buero'), controller: 'sata' }],
    },
    {
      name: 'vCLS-4c4c4544-0044-4210-8057-b9c04f383432',
      folder: ['vCLS'],
      powerState: 'poweredOn',
      managedBy: { extensionKey: 'com.vmware.vim.eam', type: 'cluster-agent' },
      disks: [{ content: emptyContent(2 * MIB) }],
    },
  ];
}
