import { closeSync, constants, fstatSync, openSync, statSync, unlinkSync } from 'node:fs';
import type * as Sqlite from 'node:sqlite';
import { Hyper2kvmError } from '../errors.ts';
import { errnoOf, localFileError } from '../files/local-file-error.ts';
import { OWNER_ONLY } from '../files/own-file.ts';

/** https://sqlite.org/rescode.html#busy; the upper bits contain details. */
const SQLITE_BUSY = 5;
const PRIMARY_CODE = 0xff;

/** A round fails only if another process removes the file at the same moment. */
const ROUNDS = 100;

/**
 * The files that this process has locked. Closing a second connection, or any other descriptor of such a file, would
 * release its lock (fcntl_locking(2)).
 */
const locked = new Set<string>();

/**
 * Locks the file `path`, which must be absolute and in a folder that only this user can write to. The file is created
 * if it does not exist, and is removed with the lock. Returns undefined while this or another process holds the lock.
 * The kernel releases the lock when the process ends, whatever the signal.
 *
 * Node.js has neither flock(2) nor fcntl(2). SQLite's write lock on a database uses fcntl(2): the RESERVED lock
 * (https://sqlite.org/lockingv3.html), which only one connection can hold and which is acquired atomically. Nothing is
 * ever committed, so the database stays empty.
 * @throws Hyper2kvmError kind `local-file` if the file cannot be created or locked.
 */
export function lockFile(path: string): Disposable | undefined {
  for (let round = 0; round < ROUNDS; round += 1) {
    if (locked.has(path)) return undefined;
    using open = new DisposableStack();
    // While this descriptor is open, the inode number cannot be reused for another file.
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

/** Returns undefined if another process holds the lock. */
function lockDatabase(path: string): Sqlite.DatabaseSync | undefined {
  const sqlite = loadSqlite();
  let database: Sqlite.DatabaseSync | undefined;
  try {
    database = new sqlite.DatabaseSync(path, { timeout: 0 });
    // The journal is in memory; otherwise SQLite would create a second file next to the database.
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
 * Returns true if the file that was opened before the lock was taken still has this name. Its last holder may have
 * removed it, and the next one may have created another. If the name is unchanged, SQLite has locked this very file: a
 * removed file never reappears.
 */
function isStillAt(path: string, descriptor: number): boolean {
  const opened = fstatSync(descriptor, { bigint: true });
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found?.ino === opened.ino && found.dev === opened.dev;
}

/**
 * Removes the file while it is locked, so that no other process can have locked it in the meantime. A file that remains
 * is harmless: only the lock matters.
 */
function removeLocked(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
  }
}

/**
 * Loaded with the first lock, because most runs take none. Before Node.js 24.15, loading prints an ExperimentalWarning,
 * which is not useful to users.
 */
function loadSqlite(): typeof Sqlite {
  const emitWarning = Object.getOwnPropertyDescriptor(process, 'emitWarning') ?? {};
  // Warnings are suppressed only for this call, which loads the module and runs nothing else.
  process.emitWarning = () => {};
  try {
    const sqlite: typeof Sqlite | undefined = process.getBuiltinModule('node:sqlite');
    if (sqlite !== undefined) return sqlite;
  } finally {
    Object.defineProperty(process, 'emitWarning', emitWarning);
  }
  throw new Hyper2kvmError('local-file', 'No file can be locked: this Node.js was built without SQLite.');
}

/** `instanceof` does not work: Node.js creates these errors in a separate realm. */
function sqliteError(error: unknown): { errcode?: number; errstr?: string } {
  if (typeof error !== 'object' || error === null || !('errcode' in error) || !('errstr' in error)) return {};
  const { errcode, errstr } = error;
  return typeof errcode === 'number' && typeof errstr === 'string' ? { errcode, errstr } : {};
}
