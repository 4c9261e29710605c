import { Hyper2kvmError } from '../../base/errors.ts';
import { domainName } from '../../domain/domain-xml.ts';
import type { NamedVm } from '../../domain/vm-name.ts';
import { defineDomain, listDomains, type LibvirtConnection } from '../../domain/virsh.ts';

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
  const known = await listDomains(connection, signal);
  const sameName = known.find((domain) => domain.name === name);
  const sameUuid = known.find((domain) => domain.uuid === wanted.uuid?.toLowerCase());
  const where = `libvirt at ${connection.uri}`;
  if (sameUuid !== undefined && sameUuid.name !== name) {
    throw new Hyper2kvmError('local-file', `${where} knows this VM already, as ${sameUuid.name} (${sameUuid.uuid}).`, {
      hint: `Rename or undefine that domain first, or leave --define out.`,
    });
  }
  if (sameName === undefined) return;
  if (sameUuid === undefined) {
    throw new Hyper2kvmError('local-file', `${where} has another VM that is called ${name} (${sameName.uuid}).`, {
      hint: 'That one is never replaced: rename it first (virsh domrename), or leave --define out.',
    });
  }
  if (force) return;
  throw new Hyper2kvmError('local-file', `${where} has a domain ${name} already.`, {
    hint: 'Replace its definition with --force, or leave --define out.',
  });
}
