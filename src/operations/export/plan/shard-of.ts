import { createHash } from 'node:crypto';

/**
 * Which of `count` shares `identity` belongs to, from 0. It depends on nothing else: a VM that comes or goes moves no other one, and processes that see the inventory at
 * different times never disagree.
 */
export function shardOf(identity: string, count: number): number {
  return createHash('sha256').update(identity.toLowerCase()).digest().readUIntBE(0, 6) % count;
}
