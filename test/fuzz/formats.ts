import type { FuzzFormat } from './format.ts';
import { IMAGE_FORMATS } from './image-formats.ts';
import { PACKAGE_FORMATS } from './package-formats.ts';
import { VMDK_FORMATS } from './vmdk-formats.ts';

/** All untrusted input that this program reads. */
export const FORMATS: readonly FuzzFormat[] = [...VMDK_FORMATS, ...IMAGE_FORMATS, ...PACKAGE_FORMATS];
