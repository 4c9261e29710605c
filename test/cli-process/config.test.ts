import { expect, test } from '@jest/globals';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ScratchFolder } from '../operations/export/export-run.ts';
import { mixedContent } from '../server/content-source.ts';
import { startTestServer, type TestServer } from '../server/test-server.ts';
import { environmentOf, runProgram, type ProgramRun } from './program.ts';

const PASSWORD = 'Zaq-1 <&"%ü> wort';

interface Place extends AsyncDisposable {
  server: TestServer;
  scratch: ScratchFolder;
  /** Writes the configuration file to its default location. Default `mode`: 0600. */
  config(text: string, mode?: number): Promise<string>;
  run(args: string[], env?: NodeJS.ProcessEnv): Promise<ProgramRun>;
  /** The profile of the test server, as lines with this indentation. */
  login: string;
}

/** Starts a server that no environment variable refers to. */
async function makePlace(): Promise<Place> {
  const server = await startTestServer({
    credentials: { username: 'joe@vsphere.local', password: PASSWORD },
    vms: [{ name: 'web', powerState: 'poweredOn', disks: [{ content: mixedContent(1 << 20, 'web') }] }],
  });
  const scratch = await ScratchFolder.make();
  const env = environmentOf(undefined, join(scratch.path, 'state'));
  await mkdir(join(scratch.path, 'state', 'hyper2kvm'), { recursive: true });
  return {
    server,
    scratch,
    login: [
      `url: ${server.url.href}`,
      `username: ${server.username}`,
      `password: ${JSON.stringify(PASSWORD)}`,
      `thumbprint: ${server.thumbprint.sha256}`,
    ].join('\n    '),
    async config(text, mode = 0o600) {
      const path = join(scratch.path, 'state', 'hyper2kvm', 'config.yaml');
      await writeFile(path, text);
      await chmod(path, mode);
      return path;
    },
    run: (args, more = {}) => runProgram(args, { env: { ...env, ...more }, cwd: scratch.path }),
    async [Symbol.asyncDispose]() {
      await server.close();
      await scratch[Symbol.asyncDispose]();
    },
  };
}

test.concurrent('a profile makes an export of one word, and its password is nowhere to be seen', async () => {
  await using place = await makePlace();
  const path = await place.config(`profiles:
  default:
    ${place.login}
    export:
      snapshot: true
      format: ova
      output: ${place.scratch.output}
`);
  const run = await place.run(['export', 'web', '--json'], { HYPER2KVM_DEBUG: '1' });
  expect(run.stderr).not.toContain('Error');
  expect(JSON.parse(run.stdout)).toMatchObject({ ok: true, result: { exported: [{ format: 'ova' }] } });
  expect(await place.scratch.files()).toEqual(['web.ova']);
  const status = await place.run(['status', '--json']);
  expect(JSON.parse(status.stdout).result.findings).toContainEqual(
    expect.objectContaining({ check: 'log in', level: 'ok' }),
  );
  expect(status.stdout).toContain(`default, of ${path}`);
  const help = await place.run(['export', '--help']);

  await writeFile(path, '');
  const entries = await readdir(place.scratch.path, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const texts = await Promise.all(files.map((file) => readFile(file, 'latin1')));
  const shown = [run, status, help].flatMap(({ stdout, stderr }) => [stdout, stderr]);
  expect([...texts, ...shown].join('\n')).not.toContain('Zaq-1');
});

test.concurrent('flags come before the environment, which comes before the profile', async () => {
  await using place = await makePlace();
  await place.config(`profiles:
  wrong:
    ${place.login.replace(/username: .*/, 'username: nobody')}
    export: { format: raw, snapshot: true, parallel: 7 }
`);
  const dryRun = ['export', 'web', '--dry-run', '--json', '--profile', 'wrong'];
  const ofEnv = await place.run(dryRun, { HYPER2KVM_USERNAME: place.server.username });
  expect(JSON.parse(ofEnv.stdout)).toMatchObject({ ok: true, result: { plans: [{ format: 'raw' }] } });
  const given = ['--username', place.server.username, '--format', 'ova'];
  const flagged = await place.run([...dryRun, ...given], { HYPER2KVM_USERNAME: 'nobody' });
  expect(JSON.parse(flagged.stdout)).toMatchObject({ ok: true, result: { plans: [{ format: 'ova' }] } });
});

test.concurrent('--no-NAME leaves a setting out, and a usage error tells what the profile sets', async () => {
  await using place = await makePlace();
  const path = await place.config(`profiles:
  default:
    ${place.login}
    timeout: soon
    export: { snapshot: true, compress: true, format: qcow2, limit-rate: fast }
`);
  const dryRun = ['export', 'web', '--dry-run', '--no-limit-rate', '--format', 'ova'];
  const wrong = await place.run(dryRun);
  expect(wrong.exitCode).toBe(2);
  expect(wrong.stderr).toContain('Error: --compress needs --format qcow2, not ova.');
  expect(wrong.stderr).toContain(`The profile default in ${path} sets snapshot, compress, timeout.`);
  const left = ['--no-compress', '--no-snapshot', '--shutdown', '--timeout=9', '--json'];
  expect(JSON.parse((await place.run([...dryRun, ...left])).stdout)).toMatchObject({ ok: true });
});

test.concurrent.each([
  [
    'a password that others can read',
    'password: x',
    0o640,
    /contains a password and is accessible to other users.*chmod 600 /s,
  ],
  ['an unknown key', 'export: { snapshoot: true }', 0o600, /config\.yaml, line 3: .*Did you mean snapshot\?/s],
])('%s is refused before any work', async (_title, setting, mode, words) => {
  await using place = await makePlace();
  await place.config(`profiles:\n  default:\n    ${setting}\n`, mode);
  const run = await place.run(['list', '--json']);
  expect(run).toMatchObject({ exitCode: 2, stderr: '' });
  const { error }: { error: { kind: string; message: string; hint: string } } = JSON.parse(run.stdout);
  expect(error.kind).toBe('usage');
  expect(`${error.message} ${error.hint}`).toMatch(words);
});

test.concurrent('without secrets a file that others can read will do', async () => {
  await using place = await makePlace();
  const login = place.login.replace(/password: .*/, 'password-file: secret');
  await place.config(`profiles:\n  default:\n    ${login}\n`, 0o644);
  await writeFile(join(place.scratch.path, 'secret'), PASSWORD, { mode: 0o600 });
  expect(await place.run(['list'])).toMatchObject({ exitCode: 0, stderr: '' });
});

test.concurrent("a profile's login is not given to another server", async () => {
  await using place = await makePlace();
  await using other = await startTestServer({ vms: [] });
  await place.config(`profiles:\n  default:\n    ${place.login}\n`);
  const env = { GOVC_URL: other.url.href, HYPER2KVM_USERNAME: 'joe', HYPER2KVM_INSECURE: '1' };
  const run = await place.run(['list'], env);
  expect(run.exitCode).toBe(2);
  expect(run.stderr).toContain(
    `GOVC_URL names ${other.url.host}: login and certificate of the profile default are for`,
  );
  expect(run.stderr).toContain(`No password is given for joe at ${other.url.host}.`);
});

test.concurrent('a file that was named must be there', async () => {
  await using place = await makePlace();
  const run = await place.run(['convert', 'disk.vmdk'], { HYPER2KVM_CONFIG: 'none.yaml' });
  expect(run.exitCode).toBe(2);
  expect(run.stderr).toContain('The configuration file cannot be used. Could not read none.yaml: it does not exist.');
});
