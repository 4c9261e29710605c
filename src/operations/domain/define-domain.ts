import { readFile } from 'node:fs/promises';
import { Hyper2kvmError } from '../../base/errors.ts';
import { domainName } from '../../domain/libvirt/domain-xml.ts';
import { readDomainIdentity } from '../../domain/libvirt/read-domain.ts';
import { defineDomain, listDomains, type LibvirtConnection } from '../../domain/libvirt/virsh.ts';
import type { NamedVm } from '../../domain/vm-name.ts';

export { defineDomain };

/** The VM whose domain is to be defined. */
export interface Definable extends NamedVm {
  uuid: string | undefined;
}

/**
 * Checks, before any work, that a domain can be defined. With `force` the same VM may be replaced; a different VM of
 * that name is never replaced.
 * @throws kind `host` if virsh or libvirt is missing, kind `local-file` for a name that is taken.
 */
export async function checkDefinable(
  connection: LibvirtConnection,
  wanted: Definable,
  force: boolean,
  signal: AbortSignal,
): Promise<void> {
  const name = domainName(wanted);
  if ((await lookUp(connection, { name, uuid: wanted.uuid }, signal)) === 'free' || force) return;
  throw new Hyper2kvmError('local-file', `libvirt at ${connection.uri} already has a domain ${name}.`, {
    hint: 'Replace its definition with --force, or omit --define.',
  });
}

/**
 * Defines the domain in the file at `path`, without an earlier {@link checkDefinable}. An existing domain of the same
 * VM is kept unless `force` is set, because somebody may have changed it. Returns whether the domain was defined.
 * @throws the same errors as {@link checkDefinable}.
 */
export async function defineKept(
  connection: LibvirtConnection,
  path: string,
  force: boolean,
  signal: AbortSignal,
): Promise<boolean> {
  const { name, uuid } = readDomainIdentity(await readFile(path, 'utf8'), path);
  if ((await lookUp(connection, { name, uuid }, signal)) === 'same' && !force) return false;
  await defineDomain(connection, path, signal);
  return true;
}

/**
 * Looks up the domain's name: `free` if it is unused, `same` if it belongs to the same VM.
 * @throws kind `local-file` for a different VM.
 */
async function lookUp(
  connection: LibvirtConnection,
  { name, uuid }: { name: string; uuid: string | undefined },
  signal: AbortSignal,
): Promise<'free' | 'same'> {
  const known = await listDomains(connection, signal);
  const sameName = known.find((domain) => domain.name === name);
  const sameUuid = known.find((domain) => domain.uuid === uuid?.toLowerCase());
  const where = `libvirt at ${connection.uri}`;
  if (sameUuid !== undefined && sameUuid.name !== name) {
    throw new Hyper2kvmError('local-file', `${where} already has this VM, as ${sameUuid.name} (${sameUuid.uuid}).`, {
      hint: `Rename or undefine that domain first, or omit --define.`,
    });
  }
  if (sameName === undefined) return 'free';
  if (sameUuid === undefined) {
    throw new Hyper2kvmError('local-file', `${where} has another VM with the name ${name} (${sameName.uuid}).`, {
      hint: 'It is never replaced: rename it first (virsh domrename), or omit --define.',
    });
  }
  return 'same';
}
