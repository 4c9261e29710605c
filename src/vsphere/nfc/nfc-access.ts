import { Hyper2kvmError } from '../../base/errors.ts';
import type { VsphereClient } from '../session/vsphere-client.ts';
import type { MoRef } from '../soap/wsdl-types.ts';
import { shakeHands } from './classic-handshake.ts';
import type { OpenedFile } from './frames.ts';
import { HostBudget } from './host-budget.ts';
import { OPEN_LIMIT_MS, openChannel, type NfcChannel } from './nfc-channel.ts';
import { NfcDisk } from './nfc-disk.ts';
import { brokenConnection, HOST_ERRORS, NfcHostError, NfcUnavailableError, protocolError } from './nfc-error.ts';
import { NfcSession } from './nfc-session.ts';
import { NfcService, type NfcTicket } from './nfc-ticket.ts';

export interface NfcOptions {
  /** Requests in flight for each disk; 16 when unset. */
  depth?: number | undefined;
  /** A connection that is silent for this long during a request fails; 60 s when unset. */
  readTimeoutMs?: number | undefined;
}

const DEFAULT_DEPTH = 16;
const DEFAULT_READ_TIMEOUT_MS = 60_000;
/** The largest VMDK of vSphere has 62 TiB. */
const MOST_CAPACITY_BYTES = 64 * 1024 ** 4;
const SECTOR_SIZES = new Set([512, 4096]);

/** Opens disks of VMs for random-access reads over NFC. One for each run and server. */
export class NfcAccess {
  readonly #client: VsphereClient;
  readonly #options: NfcOptions;
  #service: NfcService | undefined;
  /** Hosts that have opened a disk: the transport is available there, and a failed connection is a failure of the moment. */
  readonly #proven = new Set<string>();

  constructor(client: VsphereClient, options: NfcOptions = {}) {
    this.#client = client;
    this.#options = options;
  }

  /**
   * Opens `[datastore] folder/name.vmdk` of a VM, read only, together with the files below it in its chain. The file must
   * not be written to: of a running VM, only the file of a snapshot can be opened. The caller disposes of the disk.
   * @throws NfcUnavailableError when the transport cannot be used here; `tls-trust` for a certificate that is not the
   * host's; a retryable error when a host that has worked before cannot be reached; the signal's reason.
   */
  async openDisk(vm: MoRef, path: string, signal: AbortSignal): Promise<NfcDisk> {
    const ticket = await (await this.service(signal)).ticket(vm, signal);
    const { host } = ticket.url;
    try {
      const disk = await this.#connect(ticket, path, signal);
      this.#proven.add(host);
      return disk;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof NfcUnavailableError && error.mayPass && this.#proven.has(host)) {
        throw brokenConnection(host, `could not be opened again: ${error.reason}`, error);
      }
      throw error;
    }
  }

  /**
   * Logs in to the host of a VM and agrees on a version, without opening a file.
   * @throws as {@link openDisk}.
   */
  async probe(vm: MoRef, signal: AbortSignal): Promise<{ address: string; version: number }> {
    const ticket = await (await this.service(signal)).ticket(vm, signal);
    const { host } = ticket.url;
    const channel = await openChannel(this.#client.http.connector, ticket, signal);
    try {
      const version = await withinLimit(channel, signal, () => shakeHands(channel));
      await new NfcSession(channel, DEFAULT_READ_TIMEOUT_MS).close(undefined);
      return { address: host, version };
    } catch (error) {
      signal.throwIfAborted();
      throw notOpened(host, error);
    } finally {
      channel.destroy(brokenConnection(host, 'is closed'));
    }
  }

  /** @throws NfcUnavailableError for a server without NFC service. */
  async service(signal: AbortSignal): Promise<NfcService> {
    return (this.#service ??= await NfcService.find(this.#client, signal));
  }

  async #connect(ticket: NfcTicket, path: string, signal: AbortSignal): Promise<NfcDisk> {
    const startedAt = Date.now();
    const clock = performance.now();
    const { host } = ticket.url;
    const watch = this.#client.watch?.nfc({ host, file: path, startedAt });
    const channel = await openChannel(this.#client.http.connector, ticket, signal).catch((error: unknown) => {
      watch?.end({ failure: error });
      throw error;
    });
    let version: number | undefined;
    try {
      const opened = await withinLimit(channel, signal, async () => {
        version = await shakeHands(channel);
        const session = new NfcSession(channel, this.#options.readTimeoutMs ?? DEFAULT_READ_TIMEOUT_MS);
        await session.open();
        return { session, file: await openFile(session, host, path) };
      });
      const connectMs = performance.now() - clock;
      const { depth = DEFAULT_DEPTH } = this.#options;
      return new NfcDisk(
        opened.session,
        { host, file: opened.file, budget: HostBudget.of(host), depth },
        (totals, failure) =>
          watch?.end({ ...totals, version, connectMs, receivedBytes: channel.reader.receivedBytes, failure }),
      );
    } catch (error) {
      channel.destroy(error);
      watch?.end({ version, receivedBytes: channel.reader.receivedBytes, failure: error });
      signal.throwIfAborted();
      throw notOpened(host, error);
    }
  }
}

async function openFile(session: NfcSession, host: string, path: string): Promise<OpenedFile> {
  const file = await session.openFile(path);
  const { capacityBytes, sectorBytes } = file;
  const isWhole = SECTOR_SIZES.has(sectorBytes) && capacityBytes % sectorBytes === 0;
  if (isWhole && capacityBytes > 0 && capacityBytes <= MOST_CAPACITY_BYTES) return file;
  throw protocolError(host, `a disk of ${capacityBytes} bytes with sectors of ${sectorBytes} bytes`);
}

/** Runs `work`, and destroys the channel when it takes too long or the signal aborts. */
async function withinLimit<Result>(
  channel: NfcChannel,
  signal: AbortSignal,
  work: () => Promise<Result>,
): Promise<Result> {
  const late = (): void => channel.destroy(brokenConnection(channel.host, 'was not ready in time'));
  const timer = setTimeout(late, OPEN_LIMIT_MS / 2);
  const abort = (): void => channel.destroy(signal.reason);
  signal.addEventListener('abort', abort);
  try {
    signal.throwIfAborted();
    return await work();
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  }
}

function notOpened(host: string, error: unknown): unknown {
  if (error instanceof NfcHostError && error.code !== HOST_ERRORS.memory) {
    return new NfcUnavailableError(error.message.replace(/\.$/, ''), { cause: error });
  }
  if (error instanceof NfcUnavailableError || !(error instanceof Hyper2kvmError)) return error;
  if (!error.retryable || error instanceof NfcHostError) return error;
  return new NfcUnavailableError(`the session with ${host} did not begin (${error.message.replace(/\.$/, '')})`, {
    cause: error,
    mayPass: true,
  });
}
