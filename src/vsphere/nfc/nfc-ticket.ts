import { addressOf, isThumbprint } from '../connection/certificate-trust.ts';
import { SERVICE_INSTANCE, type VsphereClient } from '../session/vsphere-client.ts';
import { NOT_OFFERED, VsphereFault } from '../soap/fault.ts';
import { refOf } from '../soap/soap-envelope.ts';
import type { MoRef, WsdlMethod, WsdlValue } from '../soap/wsdl-types.ts';
import type { XmlElement } from '../soap/xml-element.ts';
import { NfcUnavailableError } from './nfc-error.ts';

/** The oldest version of the server's NFC library with random-access reads: 2 is ESXi 6.7. */
export const LEAST_VERSION = 3;

/** Permission for one connection to the files of one VM (`HostServiceTicket`). */
export interface NfcTicket {
  /** The host and port of the authentication daemon, as a URL without meaning beyond that. */
  url: URL;
  /** SHA-1 or SHA-256 of the host's certificate; undefined when the ticket has none that can be compared. */
  thumbprint: string | undefined;
  /** The `host:port` whose trust settings apply without a thumbprint. */
  judgedAs: string;
  /** `vpxa-nfc` through vCenter, `nfc` on a standalone host. */
  service: string;
  /** Secret. */
  sessionId: string;
}

/** The server's NFC service. Its reference is not part of the service content that `RetrieveServiceContent` returns. */
export class NfcService {
  readonly #client: VsphereClient;
  readonly #ref: MoRef;

  private constructor(client: VsphereClient, ref: MoRef) {
    this.#client = client;
    this.#ref = ref;
  }

  /** @throws NfcUnavailableError when the server has no such service. */
  static async find(client: VsphereClient, signal: AbortSignal): Promise<NfcService> {
    const response = await ask(client, 'RetrieveInternalContent', { _this: SERVICE_INSTANCE }, signal);
    const ref = refOf(response.find('returnval.nfcService'));
    if (!ref) throw new NfcUnavailableError(`${client.server} has no NFC service`);
    return new NfcService(client, ref);
  }

  /**
   * The version of the server's NFC library, without a ticket; for a host of a vCenter, name the host. Undefined when the
   * server returns none.
   * @throws NfcUnavailableError for a server that does not know the question, or a version that is too old.
   */
  async version(hostForAccess: MoRef | undefined, signal: AbortSignal): Promise<number | undefined> {
    const args = { _this: this.#ref, ...(hostForAccess && { hostForAccess }) };
    const response = await ask(this.#client, 'NfcGetServerNfcLibVersion', args, signal);
    const version = response.numberOf('returnval');
    if (version !== undefined && version < LEAST_VERSION) throw tooOld(this.#client.server, version);
    return version;
  }

  /** Requests a ticket, which is valid for one connection and probably not for long. */
  async ticket(vm: MoRef, signal: AbortSignal): Promise<NfcTicket> {
    const response = await ask(this.#client, 'NfcGetVmFiles', { _this: this.#ref, vm }, signal);
    return decodeTicket(response.find('returnval'), this.#client);
  }
}

export function tooOld(server: string, version: number): NfcUnavailableError {
  return new NfcUnavailableError(
    `${server} has version ${version} of the NFC library, and version ${LEAST_VERSION} is required (ESXi 7.0)`,
  );
}

async function ask<Method extends WsdlMethod>(
  client: VsphereClient,
  method: Method,
  args: WsdlValue<Method>,
  signal: AbortSignal,
): Promise<XmlElement> {
  try {
    return await client.call(method, args, signal);
  } catch (error) {
    if (!(error instanceof VsphereFault) || error.retryable || error.faultType === 'NotAuthenticated') throw error;
    if (NOT_OFFERED.some((type) => type === error.faultType)) {
      throw new NfcUnavailableError(`${client.server} does not know the method ${method}`, { cause: error });
    }
    if (error.faultType === 'NoPermission') {
      throw new NfcUnavailableError(`the account may not call ${method}`, {
        cause: error,
        hint: 'Add VirtualMachine.Provisioning.DiskRandomRead and VirtualMachine.Provisioning.GetVmFiles to the role of the account, or use --transport lease.',
      });
    }
    throw new NfcUnavailableError(`${client.server} refused ${method} with ${error.faultType}`, { cause: error });
  }
}

function decodeTicket(ticket: XmlElement | undefined, client: VsphereClient): NfcTicket {
  const text = (name: string): string => ticket?.textOf(name)?.trim() ?? '';
  const service = text('service');
  const sessionId = text('sessionId');
  // Both become words of a line in the dialog with the host.
  if (!/^[\w-]{1,64}$/.test(service) || !/^[\x21-\x7e]{1,1024}$/.test(sessionId)) {
    throw new NfcUnavailableError(`${client.server} sent a ticket that is not usable`);
  }
  const own = client.settings.url.hostname;
  const host = text('host') || own;
  const port = ticket?.numberOf('port') ?? 902;
  const bracketed = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
  const url = /^[\w.:[\]-]{1,255}$/.test(bracketed) ? URL.parse(`https://${bracketed}:${port}`) : null;
  if (!url) throw new NfcUnavailableError(`${client.server} sent a ticket for an address that is not usable`);
  const thumbprint = text('sslThumbprint');
  return {
    url,
    thumbprint: isThumbprint(thumbprint) ? thumbprint : undefined,
    // A standalone host presents the same certificate on ports 443 and 902.
    judgedAs: text('host') === '' ? addressOf(client.settings.url) : addressOf(url),
    service,
    sessionId,
  };
}
