import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { array } from 'valibot';
import { writeFileAtomically } from '../../../base/files/atomic-file.ts';
import { Hyper2kvmError } from '../../../base/errors.ts';
import { readRecord, recordSchema, recordText } from '../../../base/records/read-record.ts';
import { makeFolder } from '../../../base/files/make-folder.ts';
import { readOwnFile } from '../../../base/files/own-file.ts';
import { removeSnapshot } from '../../../vsphere/vm/snapshot.ts';
import { readSnapshots } from '../../../vsphere/vm/vm-facts.ts';
import type { VsphereClient } from '../../../vsphere/session/vsphere-client.ts';
import type { MoRef } from '../../../vsphere/soap/wsdl-types.ts';
import { OwnSnapshotSchema, type OwnSnapshot } from './snapshot-names.ts';

/** Own snapshots that could not be removed. */
export const LeftSnapshotsSchema = recordSchema({ snapshots: array(OwnSnapshotSchema) });

/** The parameters for removing the snapshots of an earlier run. */
export interface Removal {
  client: VsphereClient;
  vm: string;
  vmRef: MoRef;
  /** Receives a sentence about each snapshot that still cannot be removed. */
  leave: (sentence: string) => void;
  step: (detail: string) => void;
}

/**
 * A small file next to an export. It lists the own snapshots that could not be removed after the export. They hold an
 * old state of the VM and have no further use, so the next run into the same folder removes them first. The file exists
 * only while there is such a snapshot.
 */
export class LeftSnapshots {
  readonly #folder: string;
  readonly #path: string;

  constructor(folder: string, baseName: string) {
    this.#folder = folder;
    this.#path = join(folder, `.${baseName}.hyper2kvm-snapshots`);
  }

  async add(snapshot: OwnSnapshot): Promise<void> {
    await makeFolder(this.#folder);
    const others = (await this.#read()).filter(({ name }) => name !== snapshot.name);
    await this.#write([...others, snapshot]);
  }

  /**
   * Removes the listed snapshots on the server.
   * @throws only the signal's reason, and errors that prevent reading the VM.
   */
  async remove({ client, vm, vmRef, leave, step }: Removal, signal: AbortSignal): Promise<void> {
    const recorded = await this.#read();
    if (recorded.length === 0) return;
    const there = await readSnapshots(client, vmRef, signal);
    const stay: OwnSnapshot[] = [];
    for (const snapshot of recorded) {
      // The name contains the job ID, so no other VM has a snapshot with this name.
      const found = there.find(({ name }) => name === snapshot.name);
      if (found === undefined) continue;
      step(`Removing the snapshot ${snapshot.name}, which an earlier run could not remove`);
      try {
        await removeSnapshot(client, found.ref, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof Hyper2kvmError)) throw error;
        stay.push(snapshot);
        leave(`${snapshotRemains(snapshot.name, vm, client)} (${error.message})`);
      }
    }
    await this.#write(stay);
  }

  async #read(): Promise<OwnSnapshot[]> {
    const text = await readOwnFile(this.#path).catch(() => '');
    return readRecord(text, LeftSnapshotsSchema)?.snapshots ?? [];
  }

  async #write(snapshots: OwnSnapshot[]): Promise<void> {
    if (snapshots.length === 0) await rm(this.#path, { force: true });
    else await writeFileAtomically(this.#path, recordText({ snapshots }));
  }
}

/** The message about a snapshot that remains. */
export function snapshotRemains(name: string, vm: string, { server }: Pick<VsphereClient, 'server'>): string {
  return `The snapshot ${name} of ${vm} is still on ${server}: the next run of the same export removes it, or remove it there.`;
}
