import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { tinyGuest } from '../guest/boot/boot-sector.ts';
import { emptyContent, mixedContent, rawFileContent } from '../server/content-source.ts';
import { startTestServer, type TestServer } from '../server/test-server.ts';

/**
 * `npm run demo [-- --keep]`: demonstrates the main task on a new machine. The test server, which speaks the real
 * protocol, runs in this process. `hyper2kvm` exports a small VM, whose files are verified against their manifest. If
 * QEMU is installed, it also exports a tiny guest to qcow2 and boots it. At the end, everything is removed.
 */
const { values } = parseArgs({ options: { keep: { type: 'boolean', default: false } } });

const MiB = 1024 * 1024;
const CLI = fileURLToPath(new URL('../../bin/dev.js', import.meta.url));
const TINY_BYTES = MiB;

let isInterrupted = false;
// The program that runs receives the signal, too. This process continues, to remove what is there.
for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => (isInterrupted = true));

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function serveVms(tinyDisk: string): Promise<TestServer> {
  return startTestServer({
    vms: [
      {
        name: 'demo-vm',
        firmware: 'efi',
        guestFullName: 'Debian GNU/Linux 12 (64-bit)',
        nvram: Buffer.alloc(8684, 'nvram'),
        disks: [
          { content: mixedContent(128 * MiB, 'demo system') },
          { content: mixedContent(32 * MiB + 512, 'demo data') },
          { content: emptyContent(1024 * MiB) },
        ],
        networkAdapters: [{ macAddress: '00:50:56:9a:00:01' }],
      },
      {
        name: 'tiny-guest',
        firmware: 'bios',
        guestFullName: 'Other (32-bit)',
        disks: [{ content: rawFileContent(tinyDisk, TINY_BYTES) }],
        networkAdapters: [],
      },
    ],
  });
}

/** Runs the program, and shows its output. Returns its exit code. */
async function hyper2kvm(server: TestServer, folder: string, args: string[]): Promise<number> {
  if (isInterrupted) return 1;
  say(`\n$ hyper2kvm ${args.join(' ')}`);
  const env = {
    ...process.env,
    XDG_STATE_HOME: join(folder, '.state'),
    HYPER2KVM_URL: server.url.href,
    HYPER2KVM_USERNAME: server.username,
    HYPER2KVM_PASSWORD: server.password,
    HYPER2KVM_THUMBPRINT: server.thumbprint.sha256,
  };
  const child = spawn(process.execPath, [CLI, ...args], { env, stdio: 'inherit', cwd: folder });
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
  say('\nThe files, verified against their manifest by this demo:');
  for (const name of (await readdir(folder)).toSorted()) {
    const { size } = await stat(join(folder, name));
    const expected = digests.get(name);
    const verdict =
      expected === undefined ? '' : expected === (await sha256Of(join(folder, name))) ? 'verified' : 'WRONG';
    if (verdict === 'WRONG') wrong += 1;
    say(`  ${name.padEnd(24)} ${String(size).padStart(11)} bytes  ${verdict}`.trimEnd());
  }
  return wrong;
}

/** Exports the tiny guest to qcow2 and boots it. Returns the number of steps that failed. */
async function bootTiny(server: TestServer, folder: string): Promise<number> {
  const missing = ['qemu-system-x86_64', 'qemu-img'].filter((name) => spawnSync(name, ['--version']).status !== 0);
  if (missing.length > 0) {
    say(`\nThe export to qcow2 and the boot are left out: ${missing.join(' and ')} is not installed.`);
    return 0;
  }
  const exported = await hyper2kvm(server, folder, [
    'export',
    'tiny-guest',
    '--format',
    'qcow2',
    '--fix',
    'off',
    '--output',
    'kvm',
  ]);
  if (exported !== 0) return 1;
  return (await hyper2kvm(server, folder, ['boot-test', 'kvm/tiny-guest.xml', '--timeout', '60s'])) === 0 ? 0 : 1;
}

const folder = await mkdtemp(join(tmpdir(), 'hyper2kvm-demo-'));
try {
  const tinyDisk = join(folder, '.tiny.img');
  await writeFile(tinyDisk, tinyGuest({ text: 'tiny-guest login: ' }));
  await using server = await serveVms(tinyDisk);
  say(`A vSphere test server of this project runs at ${server.url.origin}.`);
  const listed = await hyper2kvm(server, folder, ['list']);
  const exported = await hyper2kvm(server, folder, ['export', 'demo-vm', '--output', 'ovf']);
  const wrong = exported === 0 ? await verify(join(folder, 'ovf')) : 1;
  const unbooted = await bootTiny(server, folder);
  const left =
    server.state().leases.filter(({ outcome }) => outcome === 'open').length + server.state().sessions.length;
  say(`\nLeft on the server: ${left} leases and sessions.`);
  const isWell = listed + exported + wrong + unbooted + left === 0 && !isInterrupted;
  say(isWell ? 'The demo went well.' : isInterrupted ? 'The demo was interrupted.' : 'The demo failed.');
  process.exitCode = isInterrupted ? 130 : isWell ? 0 : 1;
} finally {
  if (values.keep) say(`Its files are in ${folder}.`);
  else {
    await rm(folder, { recursive: true });
    say('Its files are removed; npm run demo -- --keep keeps them.');
  }
}
