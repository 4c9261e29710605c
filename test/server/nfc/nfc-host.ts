import { isFaultAt, type NfcFault, type NfcFaultAt } from './nfc-faults.ts';
import { resolveNfcOptions, type NfcOptions, type ResolvedNfcOptions } from './nfc-options.ts';
import { NfcTickets } from './nfc-tickets.ts';
import type { Service } from '../service.ts';
import type { NfcConnectionRecord, NfcState } from './nfc-state.ts';
import type { VirtualMachine } from '../virtual-machine.ts';

/** The NFC service of a server: what its connections share. */
export class NfcHost {
  readonly service: Service;
  readonly options: ResolvedNfcOptions;
  readonly tickets = new NfcTickets();
  readonly connections: NfcConnectionRecord[] = [];
  /** Set when the endpoint has its port. */
  address = { host: '', port: 0, sha1: '', sha256: '' };
  #bytesInFlight = 0;
  #peakBytesInFlight = 0;

  constructor(service: Service, options: NfcOptions) {
    this.service = service;
    this.options = resolveNfcOptions(options);
  }

  /** Accepts a read, unless the sum of the reads in flight would be more than the host's memory. */
  reserve(bytes: number): boolean {
    if (this.#bytesInFlight + bytes > this.options.memoryBytes) return false;
    this.#bytesInFlight += bytes;
    this.#peakBytesInFlight = Math.max(this.#peakBytesInFlight, this.#bytesInFlight);
    return true;
  }

  release(bytes: number): void {
    this.#bytesInFlight -= bytes;
  }

  /** Whether a connection has a file of this VM open. A host does not open such a file twice. */
  holdsFilesOf(vm: VirtualMachine): boolean {
    return this.connections.some(
      (each) => !each.ended && each.vm === vm.displayName && each.files.some((file) => file.open),
    );
  }

  /** Takes the scripted fault of a stage. `isWanted` lets it wait for a later request. */
  takeFault<Stage extends Parameters<typeof isFaultAt>[1]>(
    stage: Stage,
    targets: readonly string[],
    isWanted: (fault: NfcFaultAt<Stage>) => boolean = () => true,
  ): NfcFaultAt<Stage> | undefined {
    const fault: NfcFault | undefined = this.service.faults.take(
      'nfc',
      targets,
      (each: NfcFault) => isFaultAt(each, stage) && isWanted(each),
    );
    return fault !== undefined && isFaultAt(fault, stage) ? fault : undefined;
  }

  state(): NfcState {
    return {
      tickets: this.tickets.all.map(({ vm, spent }) => ({ vm: vm.displayName, spent })),
      connections: this.connections.map((each) => structuredClone(each)),
      bytesInFlight: this.#bytesInFlight,
      peakBytesInFlight: this.#peakBytesInFlight,
    };
  }
}
