import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { boolean, nullable, string, type InferOutput } from 'valibot';
import { writeFileAtomically } from '../../../base/files/atomic-file.ts';
import { bootId } from '../../../base/claims/boot-id.ts';
import { makeOwnFolder, readOwnFile } from '../../../base/files/own-file.ts';
import { readRecord as parseRecord, recordSchema, recordText } from '../../../base/records/read-record.ts';
import { stateFolder } from '../../../base/files/state-folder.ts';

/**
 * The conditions under which a finding is valid. Another boot of the host, another QEMU or a reloaded module is a
 * different case.
 */
export interface KvmCase {
  bootId: string;
  /** The device's inode and change time; loading the module creates a new device. */
  device: string;
  /** QEMU's path, size and modification time. */
  qemu: string;
  /** False: only a boot sector was tried. */
  withKernel: boolean;
}

/** A stored finding. `obstacle` is the reason why KVM is not used, as a sentence; null if KVM works. */
export const KvmRecordSchema = recordSchema({
  bootId: string(),
  device: string(),
  qemu: string(),
  withKernel: boolean(),
  obstacle: nullable(string()),
});
export type KvmRecord = Omit<InferOutput<typeof KvmRecordSchema>, 'schemaVersion'>;

const MOST_BYTES = 65_536;

/** If no file can be written, a process tests KVM only once. */
const memory = new Map<string, KvmRecord>();

/** Undefined if the host does not expose its boot id. */
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

/** The finding for this case; undefined if there is none, or if other users could have written the file. */
export async function readKvmRecord(env: NodeJS.ProcessEnv, wanted: KvmCase): Promise<KvmRecord | undefined> {
  const path = recordPath(env);
  const known = memory.get(path) ?? (await readRecord(path));
  return known !== undefined && isSame(known, wanted) ? known : undefined;
}

/** Never throws. If the finding cannot be stored, the next run tests KVM again. */
export async function keepKvmRecord(env: NodeJS.ProcessEnv, record: KvmRecord): Promise<void> {
  const path = recordPath(env);
  memory.set(path, record);
  try {
    await makeOwnFolder(dirname(path));
    await writeFileAtomically(path, recordText(record), { flush: false });
  } catch {
    // Ignored: the next run tests KVM again.
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
  // The finding from a kernel remains valid if there is no kernel any more.
  return isSameHost && (known.withKernel || !wanted.withKernel);
}
