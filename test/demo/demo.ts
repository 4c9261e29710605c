import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, readdir, readFile, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { emptyContent, mixedContent } from '../server/content-source.ts';
import { startTestServer, type TestServer } from '../server/test-server.ts';

/**
 * Demonstrates the main task on a new machine. `hyper2kvm export` exports a small VM from the test server, which runs
 * in this process, over the real protocol. Then the demo lists the files and verifies them against their manifest.
 */

const MiB = 1024 * 1024;
const CLI = fileURLToPath(new URL('../../bin/dev.js', import.meta.url));

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function serveVm(): Promise<TestServer> {
  return startTestServer({
    vms: [
      {
        name: 'demo-vm',
        firmware: 'efi',
        guestFullName: 'Debian GNU/Linux 12 (64-bit)',
        nvram: Buffer.alloc(8684, 'nvram'),
        disks: [
          { content: mixedContent(192 * MiB, 'demo system') },
          { content: mixedContent(96 * MiB + 512, 'demo data') },
          { content: emptyContent(1024 * MiB) },
        ],
        networkAdapters: [{ macAddress: '00:50:56:9a:00:01' }],
      },
    ],
  });
}

async function hyper2kvm(server: TestServer, args: string[]): Promise<number> {
  say(`\n$ hyper2kvm ${args.join(' ')}`);
  const env = {
    ...process.env,
    HYPER2KVM_URL: server.url.href,
    HYPER2KVM_USERNAME: server.username,
    HYPER2KVM_PASSWORD: server.password,
    HYPER2KVM_THUMBPRINT: server.thumbprint.sha256,
  };
  const child = spawn(process.execPath, [CLI, ...args], { env, stdio: 'inherit' });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/**
 * Verifies each file against the manifest of the export, without code from hyper2kvm. Returns the number of files that
 * do not match, or 1 if the manifest has no digests.
 */
async function verify(folder: string): Promise<number> {
  const manifest = await readFile(join(folder, 'demo-vm.mf'), 'utf8');
  const digests = new Map(
    [...manifest.matchAll(/^SHA256\((.*)\)= ([0-9a-f]{64})$/gm)].map((match) => [match[1], match[2]]),
  );
  let wrong = digests.size === 0 ? 1 : 0;
  say(`\nIn ${folder}:`);
  for (const name of (await readdir(folder)).toSorted()) {
    const { size } = await stat(join(folder, name));
    const expected = digests.get(name);
    const verdict =
      expected === undefined ? '' : expected === (await sha256Of(join(folder, name))) ? 'verified' : 'WRONG';
    if (verdict === 'WRONG') wrong += 1;
    say(`  ${name.padEnd(24)} ${String(size).padStart(11)} bytes  ${verdict}`);
  }
  return wrong;
}

await using server = await serveVm();
const folder = await mkdtemp(join(tmpdir(), 'hyper2kvm-demo-'));
say(`A vSphere test server of this project runs at ${server.url.origin}.`);
const listed = await hyper2kvm(server, ['list']);
const exported = await hyper2kvm(server, ['export', 'demo-vm', '--output', folder]);
const wrong = exported === 0 ? await verify(folder) : 1;
const left = server.state().leases.filter(({ outcome }) => outcome === 'open').length + server.state().sessions.length;
say(`\nLeft on the server: ${left} leases and sessions.`);
say(listed + exported + wrong + left === 0 ? 'The demo went well.' : 'The demo failed.');
process.exitCode = listed + exported + wrong + left === 0 ? 0 : 1;
