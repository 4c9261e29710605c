import { removeCutover, writeCutover, type CutoverRecord, type CutoverStep } from '../sync/replica/cutover-record.ts';

/** The state of a cutover. Each change is flushed before it counts. */
export class CutoverState {
  readonly #path: string;
  #record: CutoverRecord;

  private constructor(path: string, record: CutoverRecord) {
    this.#path = path;
    this.#record = record;
  }

  /** Takes over the record of an earlier run. */
  static resume(path: string, record: CutoverRecord): CutoverState {
    return new CutoverState(path, record);
  }

  /** Begins a cutover: the replica belongs to it from now on. */
  static async begin(path: string, vm: CutoverRecord['vm'], sourceWasOn: boolean): Promise<CutoverState> {
    const history = [{ step: 'checks', at: new Date().toISOString() }] as const;
    const record: CutoverRecord = { vm, step: 'checks', history: [...history], sourceWasOn, poweredOffAt: null };
    await writeCutover(path, record);
    return new CutoverState(path, record);
  }

  get record(): Readonly<CutoverRecord> {
    return this.#record;
  }

  get step(): CutoverStep {
    return this.#record.step;
  }

  async enter(step: CutoverStep): Promise<void> {
    const history = [...this.#record.history, { step, at: new Date().toISOString() }];
    await this.update({ step, history });
  }

  async update(change: Partial<Omit<CutoverRecord, 'vm'>>): Promise<void> {
    const record = { ...this.#record, ...change };
    await writeCutover(this.#path, record);
    this.#record = record;
  }

  /** Ends the cutover: the replica belongs to `sync` again. */
  async end(): Promise<void> {
    await removeCutover(this.#path);
  }
}
