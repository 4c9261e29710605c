import { createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { randomContent } from '../../server/content-source.ts';
import { streamOptimized } from '../../server/stream-optimized-writer.ts';
import { startTestServer } from '../../server/test-server.ts';

/**
 * The served side of the benchmark, a process of its own: `serve.ts FILE CAPACITY_BYTES` makes a streamOptimized file of data that does not compress, unless
 * it is there, serves it as the disk of the VM `bench`, and tells its parent where.
 */
const [file = '', capacity = ''] = process.argv.slice(2);
const capacityBytes = Number(capacity);

if (!(await stat(file).catch(() => undefined))) {
  await pipeline(
    Readable.from(streamOptimized(randomContent(capacityBytes, 'bench'), { compressionLevel: 1 })),
    createWriteStream(file),
  );
}
const server = await startTestServer({
  diskHost: 'self',
  vms: [{ name: 'bench', moRef: 'vm-42', disks: [{ content: { file, capacityBytes } }] }],
});
process.send?.({
  url: server.url.href,
  username: server.username,
  password: server.password,
  thumbprint: server.thumbprint,
  sizeBytes: (await stat(file)).size,
});
process.once('disconnect', () => void server.close());
