import { randomBytes } from 'node:crypto';
import type { ByteRange } from '../content-source.ts';
import { VimFault } from '../fault.ts';
import { arrayOf, data } from '../value.ts';
import { ExtentMap } from './extent-map.ts';

/** Why changes cannot be told: the disk is not tracked, the ID is of another tracking, or it is of a later time. */
export type NoChanges = 'noTrack' | 'noEpoch' | 'cannotGetChanges';

/**
 * The changes of one disk, by the points in time that change IDs name. An ID such as `52 f3 …/7` has two parts: a UUID of
 * this tracking of the disk, and the number of the point in time.
 */
export class ChangeTracker {
  readonly #blockBytes: number;
  /** Undefined while the disk is not tracked. */
  #epoch: string | undefined;
  #point = 0;
  /** The blocks that changed after each point. */
  readonly #changes = new Map<number, ExtentMap<true>>();

  constructor(blockBytes: number) {
    this.#blockBytes = blockBytes;
  }

  get isActive(): boolean {
    return this.#epoch !== undefined;
  }

  /** The ID of the latest point in time. Empty while the disk is not tracked. */
  get changeId(): string {
    return this.#epoch === undefined ? '' : `${this.#epoch}/${this.#point}`;
  }

  /** Begins to track. IDs from before are no longer known. */
  start(): void {
    const pairs = randomBytes(15).toString('hex').match(/../g) ?? [];
    this.#epoch = `52 ${pairs.slice(0, 7).join(' ')}-${pairs.slice(7).join(' ')}`;
    this.#point = 1;
    this.#changes.clear();
  }

  stop(): void {
    this.#epoch = undefined;
  }

  /** Names this point in time: gives it an ID. */
  mark(): void {
    this.#point += 1;
  }

  /** Notes a write. Tracking is by whole blocks. */
  note(start: number, end: number): void {
    if (this.#epoch === undefined) return;
    const blocks = this.#changes.get(this.#point) ?? new ExtentMap<true>();
    this.#changes.set(this.#point, blocks);
    const [first, last] = [Math.floor(start / this.#blockBytes), Math.ceil(end / this.#blockBytes)];
    blocks.set(first * this.#blockBytes, last * this.#blockBytes, true);
  }

  /**
   * Returns what changed since the point `changeId`, up to the point `until` or up to now.
   * @throws a fault if that cannot be told
   */
  changedSince(changeId: string, until: string | undefined, file: string): ByteRange[] {
    const [epoch = '', from = ''] = changeId.split('/');
    if (!/^([0-9a-f]{2}[ -]){15}[0-9a-f]{2}$/i.test(epoch) || !/^\d+$/.test(from)) {
      throw new VimFault('InvalidArgument', 'A specified parameter was not correct: changeId', {
        invalidProperty: 'changeId',
      });
    }
    if (this.#epoch === undefined || until === '') throw noChanges('noTrack', file);
    const [untilEpoch, untilPoint] = until === undefined ? [this.#epoch, this.#point + 1] : until.split('/');
    if (epoch !== this.#epoch || untilEpoch !== this.#epoch) throw noChanges('noEpoch', file);
    if (Number(from) > Number(untilPoint) || Number(from) < 1) throw noChanges('cannotGetChanges', file);
    const all = new ExtentMap<true>();
    for (const [point, blocks] of this.#changes) {
      if (point < Number(from) || point >= Number(untilPoint)) continue;
      for (const { start, end } of blocks) all.set(start, end, true);
    }
    return [...all].map(({ start, end }) => ({ offset: start, length: end - start }));
  }

  /** Returns whole blocks for ranges. */
  inBlocks(ranges: readonly ByteRange[]): ByteRange[] {
    const all = new ExtentMap<true>();
    for (const { offset, length } of ranges) {
      const first = Math.floor(offset / this.#blockBytes);
      const last = Math.ceil((offset + length) / this.#blockBytes);
      all.set(first * this.#blockBytes, last * this.#blockBytes, true);
    }
    return [...all].map(({ start, end }) => ({ offset: start, length: end - start }));
  }
}

const REASONS: Record<NoChanges, string> = {
  noTrack: 'Change tracking is not active for the disk.',
  noEpoch: 'Change tracking target file does not match the change ID.',
  cannotGetChanges: 'Cannot get the changes of the disk.',
};

/** The fault for a change ID that does not help: the client has to copy everything again. */
export function noChanges(reason: NoChanges, file: string): VimFault {
  const message = data('LocalizableMessage', { key: `msg.cbt.${reason}`, message: REASONS[reason] });
  return new VimFault('FileFault', `Error caused by file ${file}`, {
    faultMessage: arrayOf('LocalizableMessage', [message]),
    file,
  });
}
