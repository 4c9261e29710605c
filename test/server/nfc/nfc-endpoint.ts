import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { createSecureContext, TLSSocket, type SecureContext } from 'node:tls';
import { selfSignedCertificate, thumbprintOf, type ServerCertificate } from '../certificate.ts';
import { greeting, speakAuthd } from './authd.ts';
import { readGoodbye, speakClassic } from './classic-messages.ts';
import { FrameSession } from './frame-session.ts';
import { NfcConnection } from './nfc-connection.ts';
import type { NfcHost } from './nfc-host.ts';
import { ConnectionEnded, RecordReader } from './record-reader.ts';

/** The listener of an ESXi host on port 902. */
export class NfcEndpoint {
  readonly #host: NfcHost;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #context: SecureContext;
  /** The certificate of a host that is not the one that the ticket names. */
  readonly #otherContext: SecureContext;

  constructor(host: NfcHost, certificate: ServerCertificate) {
    this.#host = host;
    this.#context = contextOf(certificate);
    this.#otherContext = contextOf(selfSignedCertificate({ commonName: 'other-esxi.test' }));
    host.address.sha1 = thumbprintOf(certificate.certificatePem, 'sha1');
    host.address.sha256 = thumbprintOf(certificate.certificatePem, 'sha256');
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
  }

  async listen(host: string): Promise<void> {
    if (this.#server.listening) return;
    const { address, options } = this.#host;
    this.#server.listen(address.port === 0 ? options.port : address.port, host);
    await once(this.#server, 'listening');
    const bound = this.#server.address();
    if (bound === null || typeof bound === 'string') throw new TypeError('the NFC endpoint listens at no TCP address');
    Object.assign(address, { host, port: bound.port });
  }

  /** Uses another certificate for new connections. Tickets still have the thumbprint of the first one. */
  changeCertificate(certificate: ServerCertificate): void {
    this.#context = contextOf(certificate);
    this.#host.address.sha256 = thumbprintOf(certificate.certificatePem, 'sha256');
  }

  /** Refuses new connections and closes the current ones. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    // The reader of the connection sees that it has ended.
    socket.on('error', () => undefined);
    socket.setTimeout(this.#host.options.idleSeconds * 1000, () => socket.destroy());
    const connection = new NfcConnection(this.#host, socket);
    this.#serve(connection, socket).catch((error: unknown) => {
      if (!(error instanceof ConnectionEnded)) connection.violation(`bug in the test server: ${String(error)}`);
      socket.destroy();
    });
  }

  async #serve(connection: NfcConnection, socket: Socket): Promise<void> {
    const { options } = this.#host;
    if (this.#sockets.size > options.maxConnections) {
      socket.write('520 Too many connections\r\n');
      return connection.end('refused', socket);
    }
    const fault = this.#host.takeFault('connect', []);
    const capabilities = options.capabilities.filter(
      (each) => fault?.action !== 'no-capability' || !each.includes(fault.word),
    );
    socket.write(fault?.action === 'greeting' ? `${fault.line}\r\n` : greeting(capabilities));
    connection.record.stage = 'authd';
    const wrongSession = fault?.action === 'wrong-certificate' ? fault.session : 0;
    const authd = this.#secure(socket, wrongSession === 1);
    const admission = await speakAuthd(connection, authd, new RecordReader(authd), capabilities);
    if (admission === undefined) return undefined;
    // Node can wrap a socket twice: bytes that arrive from now on go to the second session. The client sends its next bytes
    // only after the last line of the first session, which has been written in this turn of the event loop.
    connection.record.stage = 'classic';
    const nfc = this.#secure(socket, wrongSession === 2);
    const reader = new RecordReader(nfc);
    if (!(await speakClassic(connection, nfc, reader, admission))) return this.#hangUp(socket);
    connection.record.stage = 'frames';
    if (!(await new FrameSession(connection, nfc, reader, admission.ticket).serve())) return this.#hangUp(socket);
    await readGoodbye(connection, reader);
    return this.#hangUp(socket);
  }

  #hangUp(socket: Socket): void {
    socket.destroy();
  }

  #secure(socket: Socket, isOther: boolean): TLSSocket {
    const secureContext = isOther ? this.#otherContext : this.#context;
    const secured = new TLSSocket(socket, { isServer: true, secureContext });
    // Clients may reject the certificate or disconnect.
    secured.on('error', () => undefined);
    return secured;
  }
}

/** Hosts negotiate TLS 1.2. */
function contextOf(certificate: ServerCertificate): SecureContext {
  return createSecureContext({ cert: certificate.certificatePem, key: certificate.keyPem, maxVersion: 'TLSv1.2' });
}
