import { expect } from '@jest/globals';
import { testWithOracle } from '../oracles/oracle.ts';
import { failureOf } from './failure-of.ts';
import { inFolder, patch } from './qemu-made.ts';

/** A fault: its description, the change that introduces it into a valid image, and the expected message. */
export type Refusal = readonly [what: string, damage: (bytes: Buffer) => unknown, message: RegExp];

/** For each fault, tests that a damaged copy of the image from `make` is refused with an error that names the file. */
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
