import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HttpsEndpoint } from './https-endpoint.ts';
import type { HttpNfcLease } from './http-nfc-lease.ts';
import { DigestTaker, digestOf, type LeaseFile } from './lease-file.ts';
import type { DiskFault } from './scripted-faults.ts';
import type { DownloadRecord } from './server-state.ts';
import type { Service } from './service.ts';

/** The scripted faults that occur at a certain byte of the body. */
type StrikingFault = Exclude<Extract<DiskFault, { afterBytes: number }>, { action: 'silence' }>;

/** Answers `GET /nfc/…` (`/ha-nfc/…` on a host). Sends a file of a lease as an ESXi host does, or applies the scripted fault. */
export async function sendLeaseFile(
  service: Service,
  endpoint: { name: 'soap' | 'esxi'; https: HttpsEndpoint },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = new URL(request.url ?? '/', 'https://host').pathname;
  const lease = service.leases.find((each) => path.startsWith(`${service.nfcPath}${each.ticket}/`));
  const file = lease?.fileAt(path);
  if (lease === undefined || file === undefined || !lease.ready) {
    response.writeHead(404).end();
    return;
  }
  if (request.method !== 'GET') {
    response.writeHead(405).end();
    return;
  }
  const record: DownloadRecord = {
    vm: lease.vm.displayName,
    lease: lease.ref.value,
    targetId: file.name,
    endpoint: endpoint.name,
    cookie: request.headers.cookie !== undefined,
    range: request.headers.range !== undefined,
    sentBytes: 0,
    outcome: 'running',
  };
  service.downloads.push(record);
  const fault = service.faults.take('disk', [file.name, lease.vm.displayName]);
  if (fault !== undefined && 'action' in fault && (fault.action === 'status' || fault.action === 'empty')) {
    record.outcome = fault.action;
    response.writeHead(fault.action === 'status' ? fault.status : 200).end();
    return;
  }
  const transfer = new FileTransfer(service, endpoint.https, lease, request, response, record);
  await transfer.send(file, fault);
}

/** The transfer of one response body. */
class FileTransfer {
  readonly #service: Service;
  readonly #https: HttpsEndpoint;
  readonly #lease: HttpNfcLease;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #record: DownloadRecord;
  /** Aborts when the client disconnects or the lease ends. */
  readonly #over: AbortSignal;

  constructor(
    service: Service,
    https: HttpsEndpoint,
    lease: HttpNfcLease,
    request: IncomingMessage,
    response: ServerResponse,
    record: DownloadRecord,
  ) {
    this.#service = service;
    this.#https = https;
    this.#lease = lease;
    this.#request = request;
    this.#response = response;
    this.#record = record;
    const hungUp = new AbortController();
    response.on('close', () => hungUp.abort());
    this.#over = AbortSignal.any([hungUp.signal, lease.ended]);
  }

  async send(file: LeaseFile, fault: DiskFault | undefined): Promise<void> {
    if (fault?.action === 'late') await this.#pause(fault.ms);
    const headers: Record<string, string> = { 'content-type': 'application/octet-stream' };
    if (this.#service.options.contentLength) {
      const digest = await (file.knownDigest?.() ?? digestOf(file.chunks()));
      headers['content-length'] = String(digest.sizeBytes);
    }
    this.#response.writeHead(200, headers);
    const known = await file.knownDigest?.();
    const taker = known === undefined ? new DigestTaker() : undefined;
    const tally = { populatedBytes: 0 };
    for await (const chunk of file.chunks(tally)) {
      taker?.add(chunk);
      if (isStriking(fault) && this.#record.sentBytes + chunk.length > fault.afterBytes) {
        await this.#flush(chunk.subarray(0, fault.afterBytes - this.#record.sentBytes));
        await this.#strike(fault);
        return;
      }
      await this.#pass(chunk, fault);
      if (this.#over.aborted) break;
    }
    if (this.#over.aborted) {
      this.#record.outcome = 'broken';
      this.#request.socket.destroy();
      return;
    }
    const digest = known ?? taker?.finish(tally);
    if (digest !== undefined) this.#lease.sent.set(file.key, digest);
    this.#record.outcome = fault === undefined || 'afterBytes' in fault ? 'whole' : fault.action;
    this.#response.end();
  }

  /** Sends a chunk, and applies the fault to it. */
  async #pass(chunk: Buffer, fault: DiskFault | undefined): Promise<void> {
    if (fault?.action === 'drip') {
      const slice = Math.max(1, Math.floor(fault.bytesPerSecond / 10));
      for (let at = 0; at < chunk.length && !this.#over.aborted; at += slice) {
        await this.#write(chunk.subarray(at, at + slice));
        await this.#pause(100);
      }
      return;
    }
    if (fault?.action === 'hold') {
      const isFirst = this.#record.sentBytes === 0;
      await this.#write(chunk);
      if (isFirst) await Promise.race([fault.until, aborted(this.#over)]);
      return;
    }
    if (fault?.action === 'silence') {
      const before = fault.afterBytes - this.#record.sentBytes;
      if (before >= 0 && before < chunk.length) {
        await this.#flush(chunk.subarray(0, before));
        await this.#pause(fault.ms);
        return this.#write(chunk.subarray(before));
      }
    }
    if (fault?.action === 'flip-bit') {
      const at = fault.atByte - this.#record.sentBytes;
      if (at >= 0 && at < chunk.length) {
        const flipped = Buffer.from(chunk);
        flipped.writeUInt8(flipped.readUInt8(at) ^ 1, at);
        return this.#write(flipped);
      }
    }
    return this.#write(chunk);
  }

  async #strike(fault: StrikingFault): Promise<void> {
    this.#record.outcome = fault.action;
    switch (fault.action) {
      case 'cut':
        this.#request.socket.destroy();
        return;
      case 'reset':
        this.#https.reset(this.#request);
        return;
      case 'truncate':
        this.#response.end();
        if (this.#service.options.contentLength) this.#request.socket.destroy();
        return;
      case 'stall':
        await aborted(this.#over);
        this.#request.socket.destroy();
        return;
      case 'lease-expires':
        this.#lease.expire();
        this.#request.socket.destroy();
        return;
      case 'go-away':
        this.#service.goAway();
    }
  }

  /** Writes a chunk and waits until the client can take more. */
  async #write(chunk: Buffer): Promise<void> {
    this.#record.sentBytes += chunk.length;
    if (this.#over.aborted || this.#response.write(chunk)) return;
    await once(this.#response, 'drain', { signal: this.#over }).catch(() => undefined);
  }

  /** Writes a chunk and waits until it has left this process. */
  async #flush(chunk: Buffer): Promise<void> {
    this.#record.sentBytes += chunk.length;
    if (chunk.length === 0) {
      this.#response.flushHeaders();
      return this.#pause(20);
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#response.write(chunk, () => resolve());
    this.#over.addEventListener('abort', () => resolve());
    await promise;
    await this.#pause(20);
  }

  /** Waits for the given time, or until the transfer is aborted. */
  async #pause(ms: number): Promise<void> {
    await aborted(AbortSignal.any([AbortSignal.timeout(ms), this.#over]));
  }
}

function isStriking(fault: DiskFault | undefined): fault is StrikingFault {
  return fault !== undefined && 'afterBytes' in fault && fault.action !== 'silence';
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
}
