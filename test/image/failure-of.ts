import { Hyper2kvmError } from '../../src/base/errors.ts';
import type { ImageFormat } from '../../src/image/model/image.ts';
import { openImage } from '../../src/image/open-image.ts';
import { runsOf } from './read-through-map.ts';

/**
 * Returns the error of opening the image at `path`, or of mapping all of it.
 * @throws if neither fails
 */
export async function failureOf(path: string, format?: ImageFormat): Promise<Hyper2kvmError> {
  try {
    await using image = await openImage(path, format === undefined ? {} : { format });
    await runsOf(image);
  } catch (error) {
    if (error instanceof Hyper2kvmError) return error;
    throw error;
  }
  throw new Error(`${path} was accepted`);
}
