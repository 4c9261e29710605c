import { emptyContent, mixedContent, randomContent } from '../../../server/content-source.ts';
import type { TestServerOptions } from '../../../server/options.ts';
import { startTestServer, type TestServer } from '../../../server/test-server.ts';

const MiB = 1024 * 1024;

/** A VM with an NVRAM file and three disks: mixed content, random data, and an empty disk. */
export const VM = {
  name: 'web',
  nvram: Buffer.alloc(8684, 'nvram'),
  disks: [
    { content: mixedContent(6 * MiB + 512, 'mixed') },
    { content: randomContent(2 * MiB, 'random') },
    { content: emptyContent(3 * MiB) },
  ],
} as const;

/** The files of a complete OVF export of this VM. */
export const WHOLE = ['web-disk-1.vmdk', 'web-disk-2.vmdk', 'web-disk-3.vmdk', 'web.mf', 'web.nvram', 'web.ovf'];

/** Starts a test server with this VM, or with the VMs in `options`. */
export function serve(options: TestServerOptions = {}): Promise<TestServer> {
  return startTestServer({ vms: [VM], ...options });
}
