import { stat } from 'node:fs/promises';
import { startTestServer } from '../server/test-server.ts';
import { fileDigest } from '../server/lease-file.ts';

/**
 * The server process of a benchmark: `serve.ts FILE CAPACITY_BYTES`.
 * It serves a streamOptimized file as the disk of the VM `bench` and reports its address to the parent process.
 */
const [file = '', capacity = ''] = process.argv.slice(2);
const server = await startTestServer({
  diskHost: 'self',
  vms: [{ name: 'bench', moRef: 'vm-42', disks: [{ content: { file, capacityBytes: Number(capacity) } }] }],
});
// Computed before the measurement. The server caches it.
await fileDigest(file);
process.send?.({
  url: server.url.href,
  username: server.username,
  password: server.password,
  thumbprint: server.thumbprint.sha256,
  sizeBytes: (await stat(file)).size,
});
process.once('disconnect', () => void server.close());
