import { stat } from 'node:fs/promises';
import { startTestServer } from '../server/test-server.ts';
import { fileDigest } from '../server/lease-file.ts';

/** The served side of a benchmark, a process of its own: `serve.ts FILE CAPACITY_BYTES` serves a streamOptimized file as the disk of the VM `bench`, and tells its parent where. */
const [file = '', capacity = ''] = process.argv.slice(2);
const server = await startTestServer({
  diskHost: 'self',
  vms: [{ name: 'bench', moRef: 'vm-42', disks: [{ content: { file, capacityBytes: Number(capacity) } }] }],
});
// Once, and before anything is measured: the server remembers it.
await fileDigest(file);
process.send?.({
  url: server.url.href,
  username: server.username,
  password: server.password,
  thumbprint: server.thumbprint.sha256,
  sizeBytes: (await stat(file)).size,
});
process.once('disconnect', () => void server.close());
