import type { TLSSocket } from 'node:tls';
import { sendAlone, type NfcConnection } from './nfc-connection.ts';
import type { AuthdStep } from './nfc-faults.ts';
import type { NfcTicket } from './nfc-tickets.ts';
import type { RecordReader } from './record-reader.ts';

const MAX_LINE = 1024;

/** What a client proved in the first TLS session. */
export interface Admission {
  ticket: NfcTicket;
  /** The tag of `THUMBPRINT_SHA2`, if the client sent one. */
  tag: string | undefined;
}

/** The line that the server sends before TLS, and in answer to `BANNER`. */
export function greeting(capabilities: readonly string[]): string {
  const words = ['SSL Required', 'ServerDaemonProtocol:SOAP', 'MKSDisplayProtocol:VNC ', 'VMXARGS supported'];
  return `220 VMware Authentication Daemon Version 1.10: ${[...words, ...capabilities].join(', ')}\r\n`;
}

/**
 * Speaks to the client in the first TLS session, until the client may begin the second one.
 * @returns undefined if the connection has ended
 */
export async function speakAuthd(
  connection: NfcConnection,
  socket: TLSSocket,
  reader: RecordReader,
  capabilities: readonly string[],
): Promise<Admission | undefined> {
  const dialog = new AuthdDialog(connection, socket, capabilities);
  for (;;) {
    const line = await reader.line(MAX_LINE);
    const done = await dialog.answer(line);
    if (done !== 'goes on') return done;
  }
}

class AuthdDialog {
  readonly #connection: NfcConnection;
  readonly #socket: TLSSocket;
  readonly #capabilities: readonly string[];
  #ticket: NfcTicket | undefined;
  #tag: string | undefined;

  constructor(connection: NfcConnection, socket: TLSSocket, capabilities: readonly string[]) {
    this.#connection = connection;
    this.#socket = socket;
    this.#capabilities = capabilities;
  }

  async answer(line: string): Promise<Admission | 'goes on' | undefined> {
    const match = /^([A-Z0-9_]+) (.*)\r\n$/.exec(line);
    const [, command = '', argument = ''] = match ?? [];
    switch (command) {
      case 'SESSION':
        return this.#session(argument);
      case 'BANNER':
        if (argument !== '') break;
        return this.#reply('BANNER', greeting(this.#capabilities));
      case 'THUMBPRINT_SHA2':
        if (!this.#has('SHA256 supported') || !/^[\x20-\x7e]{1,16}$/.test(argument)) break;
        this.#tag = argument;
        return this.#reply('THUMBPRINT_SHA2', `200 ${this.#connection.host.address.sha256}\r\n`);
      case 'PROXY':
        return this.#proxy(argument);
    }
    return this.#refuse('500 Unknown command', `authd does not know ${JSON.stringify(line)}`);
  }

  /** A valid ticket has no answer. */
  async #session(sessionId: string): Promise<'goes on' | undefined> {
    if (this.#ticket !== undefined) return this.#refuse('500 Unknown command', 'SESSION was sent twice');
    const ticket = this.#connection.host.tickets.redeem(sessionId);
    if (ticket === undefined) return this.#refuse('530 Login failed', undefined);
    this.#connection.record.vm = ticket.vm.displayName;
    this.#ticket = ticket;
    return this.#reply('SESSION', undefined);
  }

  async #proxy(service: string): Promise<Admission | 'goes on' | undefined> {
    const ticket = this.#ticket;
    if (ticket === undefined) return this.#refuse('530 Please login with SESSION', 'PROXY was sent without SESSION');
    if (service !== `${ticket.service}ssl` || !this.#has('NFCSSL supported')) {
      return this.#refuse('504 Unknown service', `PROXY was sent for ${service}`);
    }
    const replied = await this.#reply('PROXY', '200 Connect ha-nfcssl\r\n');
    return replied === undefined ? undefined : { ticket, tag: this.#tag };
  }

  #has(capability: string): boolean {
    return this.#capabilities.some((each) => each.includes(capability));
  }

  async #reply(at: AuthdStep, line: string | undefined): Promise<'goes on' | undefined> {
    const { host, targets } = this.#connection;
    const fault = host.takeFault('authd', targets, (each) => (each.at ?? 'SESSION') === at);
    switch (fault?.action) {
      case 'spent-ticket':
        return this.#refuse('530 Login failed', undefined, fault.action);
      case 'authd-line':
        if (/^5\d\d/.test(fault.line)) return this.#refuse(fault.line, undefined, fault.action);
        this.#write(`${fault.line}\r\n`);
        return 'goes on';
      case 'authd-stall':
        await this.#connection.stall(fault.action);
        return undefined;
      case 'authd-cut':
        this.#connection.cut(fault.action);
        return undefined;
      case undefined:
        if (line !== undefined) this.#write(line);
        return 'goes on';
    }
  }

  /** Does not wait: after the last line, the caller must begin the second TLS session before the client can. */
  #write(line: string): void {
    this.#socket.write(line);
  }

  async #refuse(line: string, violation: string | undefined, outcome = 'refused'): Promise<undefined> {
    if (violation !== undefined) this.#connection.violation(violation);
    await sendAlone(this.#socket, `${line}\r\n`);
    await this.#connection.end(outcome, this.#socket);
    return undefined;
  }
}
