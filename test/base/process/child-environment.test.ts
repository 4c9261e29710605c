import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { childEnvironment } from '../../../src/base/process/child-environment.ts';

const SRC = fileURLToPath(new URL('../../../src/', import.meta.url));

/**
 * Exceptions: a notify command belongs to the user and gets the user's environment, without passwords. A detached
 * process is this program itself.
 */
const EXCEPTIONS = ['jobs/notify-command.ts', 'operations/detach/start-detached.ts'];

test('a program gets what it needs of the environment, and no settings or secrets of others', () => {
  const passed = {
    PATH: '/usr/bin',
    HOME: '/root',
    LC_ALL: 'C',
    LIBGUESTFS_BACKEND_SETTINGS: 'force_tcg',
    LIBVIRT_DEFAULT_URI: 'qemu:///system',
    VIRTIO_WIN: '/srv/virtio-win.iso',
    SSH_AUTH_SOCK: '/run/agent',
  };
  const kept = {
    HYPER2KVM_PASSWORD: 'x',
    HYPER2KVM_URL: 'https://a:b@c',
    GOVC_URL: 'a:b@c',
    GOVC_PASSWORD: 'x',
    AWS_SECRET_ACCESS_KEY: 'x',
    CI_JOB_TOKEN: 'x',
    NODE_OPTIONS: '--inspect',
    LD_PRELOAD: 'x.so',
  };
  expect(childEnvironment({ ...passed, ...kept })).toEqual(passed);
});

test('every file that starts programs gives them that environment', () => {
  const starting = globSync('**/*.ts', { cwd: SRC }).filter((file) =>
    /^import \{[^}]*\b(?:spawn|exec|execFile|fork|spawnSync|execSync|execFileSync)\b[^}]*\} from 'node:child_process'/m.test(
      readFileSync(join(SRC, file), 'utf8'),
    ),
  );
  expect(starting.length).toBeGreaterThan(4);
  const wrong = starting.filter((file) => !readFileSync(join(SRC, file), 'utf8').includes('childEnvironment('));
  expect(wrong.toSorted()).toEqual(EXCEPTIONS);
});
