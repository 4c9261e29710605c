import { randomUUID } from 'node:crypto';
import type { VirtualMachine } from '../virtual-machine.ts';

/** The right to open one connection and the files of one VM on it. */
export interface NfcTicket {
  readonly sessionId: string;
  readonly vm: VirtualMachine;
  /** The service of the ticket: `nfc`, or `vpxa-nfc` through a vCenter. */
  readonly service: string;
  /** The only file that can be opened, if the ticket is for one file. */
  readonly path: string | undefined;
  readonly expires: number;
  spent: boolean;
}

/** The tickets that a host accepts. */
export class NfcTickets {
  readonly all: NfcTicket[] = [];

  issue(vm: VirtualMachine, service: string, path: string | undefined, lifeMs: number): NfcTicket {
    const ticket = { sessionId: randomUUID(), vm, service, path, expires: Date.now() + lifeMs, spent: false };
    this.all.push(ticket);
    return ticket;
  }

  /** Returns a valid ticket, which no other connection can use from now on. */
  redeem(sessionId: string): NfcTicket | undefined {
    const found = this.all.find((each) => each.sessionId === sessionId);
    if (found === undefined || found.spent || found.expires < Date.now()) return undefined;
    found.spent = true;
    return found;
  }
}
