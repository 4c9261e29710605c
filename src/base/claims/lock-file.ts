import { closeSync, constants, fstatSync, openSync, statSync, unlinkSync } from 'node:fs';
import type * as Sqlite from 'node:sqlite';
import { Hyper2kvmError } from '../errors.ts';
import { errnoOf, localFileError } from '../files/local-file-error.ts';
import { OWNER_ONLY } from '../files/own-file.ts';

/** https://sqlite.org/rescode.html#busy; the upper bits tell details. */
const SQLITE_BUSY = 5;
const PRIMARY_CODE = 0xff;

/** In each round that fails another process has removed the file at the same moment. */
const ROUNDS = 100;

/** What this process has locked. A second connection, and every other descriptor of such a file, would free its lock when it is closed (fcntl_locking(2)). */
const locked = new Set<string>();

/**
 * Locks the file `path` (absolute, in a folder that only this user can write), which is made when it is not there and removed in the end. Undefined while this or another process has
 * locked it. The kernel frees the lock when its process ends, by whatever signal.
 *
 * Node.js has neither flock(2) nor fcntl(2). SQLite's write lock of a database is one of fcntl(2): the RESERVED lock (https://sqlite.org/lockingv3.html), which one connection gets at
 * a time and none gets halfway. Nothing is ever committed, so the database stays empty.
 * @throws Hyper2kvmError `local-file` when the file cannot be made or locked.
 */
export function lockFile(path: string): Disposable | undefined {
  for (let round = 0; round < ROUNDS; round += 1) {
    if (locked.has(path)) return undefined;
    using open = new DisposableStack();
    // This descriptor keeps the number of its inode from being given to another file.
    const descriptor = openLock(path);
    open.defer(() => closeSync(descriptor));
    const database = lockDatabase(path);
    if (database === undefined) return undefined;
    open.defer(() => database.close());
    if (!isStillAt(path, descriptor)) continue;
    locked.add(path);
    open.defer(() => locked.delete(path));
    open.defer(() => removeLocked(path));
    return open.move();
  }
  return undefined;
}

function openLock(path: string): number {
  try {
    return openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, OWNER_ONLY);
  } catch (error) {
    throw localFileError('lock', path, error);
  }
}

/** Undefined when another process has locked it. */
function lockDatabase(path: string): Sqlite.DatabaseSync | undefined {
  const sqlite = loadSqlite();
  let database: Sqlite.DatabaseSync | undefined;
  try {
    database = new sqlite.DatabaseSync(path, { timeout: 0 });
    // In memory, else a second file would be made beside it.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN IMMEDIATE');
    return database;
  } catch (error) {
    database?.close();
    const { errcode, errstr } = sqliteError(error);
    if (errcode === undefined) throw error;
    if ((errcode & PRIMARY_CODE) === SQLITE_BUSY) return undefined;
    throw new Hyper2kvmError('local-file', `Could not lock ${path}: ${errstr}.`, { cause: error });
  }
}

/**
 * Whether the file that was opened before the lock was taken still has this name: its last holder may have removed it, and the next one have made another. When it has, SQLite has
 * locked this file and no other: one that was removed never comes back.
 */
function isStillAt(path: string, descriptor: number): boolean {
  const opened = fstatSync(descriptor, { bigint: true });
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found?.ino === opened.ino && found.dev === opened.dev;
}

/** While it is locked, so that nobody has locked it meanwhile. A file that stays harms nobody: the lock counts, not the file. */
function removeLocked(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
  }
}

/** Loaded by the first lock, since most runs take none. Before Node.js 24.15 that prints an ExperimentalWarning, which means nothing to a user. */
function loadSqlite(): typeof Sqlite {
  const emitWarning = Object.getOwnPropertyDescriptor(process, 'emitWarning') ?? {};
  // Only this call, which loads the module and runs nothing else, goes without warnings.
  process.emitWarning = () => {};
  try {
    const sqlite: typeof Sqlite | undefined = process.getBuiltinModule('node:sqlite');
    if (sqlite !== undefined) return sqlite;
  } finally {
    Object.defineProperty(process, 'emitWarning', emitWarning);
  }
  throw new Hyper2kvmError('local-file', 'No file can be locked: this Node.js was built without SQLite.');
}

/** Not by `instanceof`: Node.js makes these errors in its own realm. */
function sqliteError(error: unknown): { errcode?: number; errstr?: string } {
  if (typeof error !== 'object' || error === null || !('errcode' in error) || !('errstr' in error)) return {};
  const { errcode, errstr } = error;
  return typeof errcode === 'number' && typeof errstr === 'string' ? { errcode, errstr } : {};
}
