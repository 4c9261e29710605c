import { expect } from '@jest/globals';
import { testWithOracle } from '../oracles/oracle.ts';
import { failureOf } from './failure-of.ts';
import { inFolder, patch } from './qemu-made.ts';

/** What is wrong, how a whole image becomes so, and what the error says of it. */
export type Refusal = readonly [what: string, damage: (bytes: Buffer) => unknown, message: RegExp];

/** Tests that each damage to an image that `make` makes is refused, by an error that names the file. */
export function testRefusals(
  make: (qemuImg: string, folder: string) => Promise<string>,
  refusals: readonly Refusal[],
): void {
  for (const [what, damage, message] of refusals) {
    testWithOracle('qemu-img', `refuses ${what}`, async ({ 'qemu-img': qemuImg }) => {
      await inFolder(async (folder) => {
        const path = await make(qemuImg, folder);
        await patch(path, damage);
        const error = await failureOf(path);
        expect([error.kind, error.message]).toEqual(['image', expect.stringMatching(message)]);
        expect(error.message).toContain(path);
      });
    });
  }
}
