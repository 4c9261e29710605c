import type { ErrorKind } from '../../base/errors.ts';

export interface VerifyOptions {
  /** Files, or folders of exports. */
  paths: readonly string[];
  /** Read no content: only names, sizes, tables and refcounts. */
  quick: boolean;
}

/** What a check of one file found. `kind` selects the exit code of an error. */
export interface VerifyFinding {
  level: 'ok' | 'warning' | 'error';
  /** The file, relative to the folder of the item. */
  file: string;
  /** A phrase: what was checked, or what is wrong. */
  detail: string;
  hint?: string;
  kind?: ErrorKind;
}

/** One export, package, domain or disk, and what was found. */
export interface VerifiedItem {
  /** As found below the given path. */
  path: string;
  kind: 'ovf' | 'ova' | 'vmx' | 'domain' | 'manifest' | 'record' | 'disk' | 'none';
  findings: VerifyFinding[];
}

export interface VerifyResult {
  items: VerifiedItem[];
  /** Bytes of files and disks that were read. */
  readBytes: number;
  errors: number;
  warnings: number;
  seconds: number;
}

/** A file is being read. Sent often; `totalBytes` is the size of the file or the disk. */
export interface VerifyProgressEvent {
  type: 'verify-progress';
  file: string;
  doneBytes: number;
  totalBytes: number;
  /** Of all files so far. */
  readBytes: number;
}
