import { join, resolve } from 'node:path';

/** The folder for a VM's files or its generations. */
export function outputFolder(asked: string | undefined, baseName: string, isOneOfSeveral: boolean): string {
  if (asked === undefined) return resolve(baseName);
  return isOneOfSeveral ? join(resolve(asked), baseName) : resolve(asked);
}
