import { stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { ResumeRecord } from '../../../../src/operations/export/history/resume-record.ts';
import { ScratchFolder } from '../export-run.ts';

/** Creates a record with one complete image, in the state in which a change of it has begun. */
async function recordInChange(folder: string): Promise<{ record: ResumeRecord; image: string }> {
  const image = join(folder, 'web-disk-1.qcow2.partial');
  await writeFile(image, 'image');
  const { mtimeMs: modifiedMs, size: sizeBytes } = await stat(image);
  const member = { name: 'web-disk-1.qcow2', sizeBytes, sha256: 'ab', modifiedMs };
  const record = await ResumeRecord.load(folder, 'web');
  const files = [{ member, key: '/vm-1/disk', isDisk: true, capacityBytes: 512, populatedBytes: 0 }];
  await record.begin({ identity: 'as it was', format: 'qcow2', ownSnapshot: undefined, files });
  await record.beginChange();
  return { record, image };
}

test('while images are changed, no later run takes them for those that were fetched, and it clears them away', async () => {
  await using scratch = await ScratchFolder.make();
  const { image } = await recordInChange(scratch.path);
  const later = await ResumeRecord.load(scratch.path, 'web');
  expect(later.hasEarlierRun).toBe(true);
  expect(later.filesOf('as it was')).toEqual([]);
  await later.begin({ identity: 'as it was', format: 'raw', ownSnapshot: undefined, files: [] });
  await expect(stat(image)).rejects.toThrow('ENOENT');
});

test.each([true, false])(
  'after a change that failed they are taken over when nothing was written: %s',
  async (same) => {
    await using scratch = await ScratchFolder.make();
    const { record, image } = await recordInChange(scratch.path);
    if (!same) await utimes(image, 1, 1);
    await record.keepUnchanged();
    expect((await ResumeRecord.load(scratch.path, 'web')).filesOf('as it was')).toHaveLength(same ? 1 : 0);
  },
);
