import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeFileAtomically } from '../../../base/files/atomic-file.ts';
import { bootId } from '../../../base/claims/boot-id.ts';
import { makeOwnFolder, readOwnFile } from '../../../base/files/own-file.ts';
import { isObject, readJson } from '../../../base/text/read-json.ts';
import { stateFolder } from '../../../base/files/state-folder.ts';

/** What a finding is true for: another boot of the host, another QEMU, a module that was loaded again are other cases. */
export interface KvmCase {
  bootId: string;
  /** The device's inode and its time of change: loading the module makes another one. */
  device: string;
  /** QEMU's path, size and time. */
  qemu: string;
  /** False: only a boot sector was tried. */
  withKernel: boolean;
}

/** A finding, as it is kept. */
export interface KvmRecord extends KvmCase {
  /** Why KVM is not used, as a sentence; null when it works. */
  obstacle: string | null;
}

const MOST_BYTES = 65_536;

/** Also where no file can be kept, a process tries once. */
const memory = new Map<string, KvmRecord>();

/** Undefined where the host does not tell of its boots. */
export async function kvmCase(device: string, qemu: string, withKernel: boolean): Promise<KvmCase | undefined> {
  try {
    const [node, program] = await Promise.all([stat(device), stat(qemu)]);
    const boot = bootId();
    if (boot === null) return undefined;
    return {
      bootId: boot,
      device: `${device} ${node.ino} ${node.ctimeMs}`,
      qemu: `${qemu} ${program.size} ${program.mtimeMs}`,
      withKernel,
    };
  } catch {
    return undefined;
  }
}

/** What was found in this case; undefined when nothing is known, or the file is not one that only this user could have written. */
export async function readKvmRecord(env: NodeJS.ProcessEnv, wanted: KvmCase): Promise<KvmRecord | undefined> {
  const path = recordPath(env);
  const known = memory.get(path) ?? (await readRecord(path));
  return known !== undefined && isSame(known, wanted) ? known : undefined;
}

/** Never throws: where the finding cannot be kept, the next run tries again. */
export async function keepKvmRecord(env: NodeJS.ProcessEnv, record: KvmRecord): Promise<void> {
  const path = recordPath(env);
  memory.set(path, record);
  try {
    await makeOwnFolder(dirname(path));
    await writeFileAtomically(path, `${JSON.stringify(record)}\n`, { flush: false });
  } catch {
    // See above.
  }
}

function recordPath(env: NodeJS.ProcessEnv): string {
  return join(stateFolder(env), 'kvm.json');
}

async function readRecord(path: string): Promise<KvmRecord | undefined> {
  return readJson(await readOwnFile(path, { maxBytes: MOST_BYTES }).catch(() => ''), isRecord);
}

function isSame(known: KvmCase, wanted: KvmCase): boolean {
  const isSameHost = known.bootId === wanted.bootId && known.device === wanted.device && known.qemu === wanted.qemu;
  // What a kernel has shown holds when there is none any more.
  return isSameHost && (known.withKernel || !wanted.withKernel);
}

function isRecord(value: unknown): value is KvmRecord {
  if (!isObject(value)) return false;
  const { bootId: boot, device, qemu, withKernel, obstacle } = value;
  const isCase = [boot, device, qemu].every((text) => typeof text === 'string') && typeof withKernel === 'boolean';
  return isCase && (obstacle === null || typeof obstacle === 'string');
}
