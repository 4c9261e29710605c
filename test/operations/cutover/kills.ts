import { expect } from '@jest/globals';
import type { CutoverScene } from './cutover-scene.ts';

/** A point at which a cutover is killed: a step of its record, and the type of an event; or a command of virsh. */
export interface Kill {
  at: string;
  /** Kill the program after this command of virsh. */
  after?: string;
  /** The source and the domain here after the kill. */
  sides: [source: string, here: string];
}

/** Every step, before its work; then some places within. */
export const KILLS: readonly Kill[] = [
  { at: 'checks', sides: ['poweredOn', 'missing'] },
  { at: 'warm-rounds', sides: ['poweredOn', 'missing'] },
  { at: 'warm-rounds:disk-started', sides: ['poweredOn', 'missing'] },
  { at: 'shutdown', sides: ['poweredOn', 'missing'] },
  { at: 'final-round', sides: ['poweredOff', 'missing'] },
  { at: 'final-round:disk-started', sides: ['poweredOff', 'missing'] },
  { at: 'audit', sides: ['poweredOff', 'missing'] },
  { at: 'guest', sides: ['poweredOff', 'missing'] },
  { at: 'commit', sides: ['poweredOff', 'missing'] },
  { at: 'domain', sides: ['poweredOff', 'missing'] },
  { at: 'domain', after: 'define', sides: ['poweredOff', 'off'] },
  { at: 'start', sides: ['poweredOff', 'off'] },
  { at: 'start', after: 'start', sides: ['poweredOff', 'running'] },
  { at: 'wait', sides: ['poweredOff', 'running'] },
];

export function nameOf({ at, after }: Kill): string {
  return after === undefined ? at : `${at}, after virsh ${after}`;
}

const STEP = /^[a-z-]+/;

/** Kills a cutover, and checks what it left. */
async function kill(scene: CutoverScene, { at, after, sides }: Kill): Promise<void> {
  if (after !== undefined) await scene.virsh.set('kill', after);
  await scene.killed(after === undefined ? at : undefined, { audit: 'lease' });
  expect(await scene.sides()).toEqual([...sides, STEP.exec(at)?.[0]]);
  // Nobody else touches the replica meanwhile.
  expect((await scene.sync()).result).toMatchObject({ state: 'done', synced: [], skipped: [{ vm: 'web' }] });
}

/** Kills a cutover, and runs the same command again. */
export async function continues(scene: CutoverScene, at: Kill): Promise<void> {
  await kill(scene, at);
  const { error, result } = await scene.cutOver({ audit: 'lease' });
  expect(error).toBeUndefined();
  expect(result).toMatchObject({ state: 'done', sign: 'guest-agent' });
  expect(await scene.sides()).toEqual(['poweredOff', 'running', 'done']);
  await expectIntact(scene);
}

/** Kills a cutover, and rolls it back. */
export async function rollsBack(scene: CutoverScene, at: Kill): Promise<void> {
  await kill(scene, at);
  const { error, result } = await scene.rollBack();
  expect(error).toBeUndefined();
  expect(result).toMatchObject({ state: 'rolled-back', source: 'on' });
  expect(await scene.sides()).toEqual(['poweredOn', 'missing', undefined]);
  scene.web.server.disks.write('web', 1, 4096, Buffer.alloc(3000, 6));
  expect((await scene.sync()).result).toMatchObject({ state: 'done', skipped: [] });
  await expectIntact(scene);
}

async function expectIntact(scene: CutoverScene): Promise<void> {
  expect(await scene.equalities()).toEqual([true, true]);
  expect(await scene.runningTwice()).toEqual([]);
  expect(scene.web.server.state().vms['web']?.snapshots).toEqual([]);
}
