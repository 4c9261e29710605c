import { mixedContent, randomContent } from '../../../server/content-source.ts';

/** A VM with two small disks, for tests of the session and the lease rather than the data. */
export const VM = {
  name: 'web',
  disks: [{ content: mixedContent(1 << 20, 'web') }, { content: randomContent(1 << 19, 'b') }],
};

/** The files of a complete OVF export of this VM. */
export const WHOLE = ['web-disk-1.vmdk', 'web-disk-2.vmdk', 'web.mf', 'web.ovf'];
