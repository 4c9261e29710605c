import { readFile } from 'node:fs/promises';
import { Hyper2kvmError } from '../../base/errors.ts';
import { domainName } from '../../domain/libvirt/domain-xml.ts';
import { readDomainIdentity } from '../../domain/libvirt/read-domain.ts';
import { defineDomain, listDomains, type LibvirtConnection } from '../../domain/libvirt/virsh.ts';
import type { NamedVm } from '../../domain/vm-name.ts';

export { defineDomain };

/** The machine whose domain is to be made known. */
export interface Definable extends NamedVm {
  uuid: string | undefined;
}

/**
 * Looks, before any work, whether a domain can be defined. Throws kind `host` where virsh or libvirt is not there, and kind `local-file` for a name that is taken. With `force`
 * the same VM may be replaced; another one of that name never is.
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
 * Defines the domain in the file at `path`, whose place nobody looked at before. One of the same VM that is there already stays as it is, unless `force` is set: somebody may have
 * changed it. Returns whether it was defined. Throws as {@link checkDefinable}.
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

/** What has the name of the domain there: nothing, or the same VM. Throws kind `local-file` for another one. */
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
