import { execFile } from 'node:child_process';
import { arch, platform, release } from 'node:os';
import { promisify } from 'node:util';
import { formatBytes } from '../../base/amounts.ts';
import { errnoOf } from '../../base/local-file-error.ts';
import { sentenceOf } from '../../base/errors.ts';
import { checkWritable, freeBytes } from '../../base/free-space.ts';
import type { StatusFinding } from './types.ts';

/** Programs that are of use beside this one. None is needed for an export. */
const TOOLS = [
  { name: 'qemu-img', use: 'to look at the exported disks' },
  { name: 'virsh', use: 'to run the VM here' },
  { name: 'virt-v2v', use: 'to convert an exported OVA' },
] as const;

const TOOL_LIMIT_MS = 5000;

/** What this host has for the job. `output` is the folder that exports would go to. */
export async function inspectHost(
  { version, profile, output }: { version: string; profile?: string | undefined; output: string },
  signal: AbortSignal,
): Promise<StatusFinding[]> {
  return [
    ok('version', `hyper2kvm ${version}`),
    ok('runtime', `Node.js ${process.versions.node} on ${platform()} ${release()} ${arch()}`),
    ...(profile === undefined ? [] : [ok('profile', profile)]),
    await inspectOutput(output),
    ...(await Promise.all(
      TOOLS.map(async ({ name, use }) => ok(name, (await versionOf(name, signal)) ?? `not found; ${use}`)),
    )),
  ];
}

function ok(check: string, detail: string): StatusFinding {
  return { area: 'host', check, level: 'ok', detail };
}

async function inspectOutput(output: string): Promise<StatusFinding> {
  const check = 'free space';
  try {
    await checkWritable(output);
    return { area: 'host', check, level: 'ok', detail: `${formatBytes(await freeBytes(output))} in ${output}` };
  } catch (error) {
    return { area: 'host', check, level: 'error', kind: 'local-file', detail: sentenceOf(error) };
  }
}

/** The first line that a program prints about itself, or undefined when there is no such program. */
async function versionOf(program: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)(program, ['--version'], { timeout: TOOL_LIMIT_MS, signal });
    return stdout.split('\n')[0]?.trim() || 'found';
  } catch (error) {
    signal.throwIfAborted();
    return errnoOf(error) === 'ENOENT' ? undefined : 'found, but it does not tell its version';
  }
}
