import type { Paint } from './color.ts';

/** How text for a stream is laid out and colored. */
export interface Look {
  /** In columns; undefined for a pipe or a file, where nothing is cut. */
  width: number | undefined;
  paint: Paint;
}
