import { mixedContent, randomContent } from '../../../server/content-source.ts';

/** A VM of two small disks, for tests that look at the session and the lease rather than at the data. */
export const VM = {
  name: 'web',
  disks: [{ content: mixedContent(1 << 20, 'web') }, { content: randomContent(1 << 19, 'b') }],
};

/** The files of its complete export as OVF. */
export const WHOLE = ['web-disk-1.vmdk', 'web-disk-2.vmdk', 'web.mf', 'web.ovf'];
