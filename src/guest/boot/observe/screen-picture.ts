import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { sentenceOf } from '../../../base/errors.ts';
import type { QmpClient } from '../qemu/qmp-client.ts';

/**
 * Has QEMU write a screenshot of the guest into `folder`: `screen.png`, or `screen.ppm` if QEMU cannot write PNG
 * (before 7.1, or built without it). A failure is returned as a sentence and not thrown, because the verdict does not
 * depend on a screenshot.
 */
export async function takePicture(
  qmp: QmpClient,
  folder: string,
): Promise<{ picture: string | undefined; problem: string | undefined }> {
  const png = join(folder, 'screen.png');
  try {
    await qmp.execute('screendump', { filename: png, format: 'png' });
    return { picture: await nonEmpty(png), problem: undefined };
  } catch (error) {
    return takePpm(qmp, join(folder, 'screen.ppm'), sentenceOf(error));
  }
}

async function takePpm(qmp: QmpClient, path: string, reason: string) {
  try {
    await qmp.execute('screendump', { filename: path });
    return {
      picture: await nonEmpty(path),
      problem: `This QEMU cannot write PNG; the screenshot is a PPM file: ${reason}`,
    };
  } catch (error) {
    return { picture: undefined, problem: `There is no screenshot: ${sentenceOf(error)}` };
  }
}

async function nonEmpty(path: string): Promise<string> {
  const { size } = await stat(path);
  if (size === 0) throw new Error('QEMU wrote an empty screenshot.');
  return path;
}
