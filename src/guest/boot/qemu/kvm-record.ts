import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { boolean, nullable, string, type InferOutput } from 'valibot';
import { writeFileAtomically } from '../../../base/files/atomic-file.ts';
import { bootId } from '../../../base/claims/boot-id.ts';
import { makeOwnFolder, readOwnFile } from '../../../base/files/own-file.ts';
import { readRecord as parseRecord, recordSchema, recordText } from '../../../base/records/read-record.ts';
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

/** A finding, as it is kept. `obstacle` says why KVM is not used, as a sentence; it is null when KVM works. */
export const KvmRecordSchema = recordSchema({
  bootId: string(),
  device: string(),
  qemu: string(),
  withKernel: boolean(),
  obstacle: nullable(string()),
});
export type KvmRecord = Omit<InferOutput<typeof KvmRecordSchema>, 'schemaVersion'>;

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
    await writeFileAtomically(path, recordText(record), { flush: false });
  } catch {
    // See above.
  }
}

function recordPath(env: NodeJS.ProcessEnv): string {
  return join(stateFolder(env), 'kvm.json');
}

async function readRecord(path: string): Promise<KvmRecord | undefined> {
  return parseRecord(await readOwnFile(path, { maxBytes: MOST_BYTES }).catch(() => ''), KvmRecordSchema);
}

function isSame(known: KvmCase, wanted: KvmCase): boolean {
  const isSameHost = known.bootId === wanted.bootId && known.device === wanted.device && known.qemu === wanted.qemu;
  // What a kernel has shown holds when there is none any more.
  return isSameHost && (known.withKernel || !wanted.withKernel);
}
