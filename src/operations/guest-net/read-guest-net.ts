import { open } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { getDotPath, safeParse } from 'valibot';
import { Hyper2kvmError } from '../../base/errors.ts';
import { errnoOf, localFileError } from '../../base/files/local-file-error.ts';
import {
  canonicalAddress,
  GuestNetNicSchema,
  GuestNetRecordSchema,
  type GuestNet,
  type GuestNetNic,
} from '../../base/guest-net.ts';
import { laterVersion } from '../../base/records/read-record.ts';
import { SCHEMA_VERSION } from '../../base/records/schema-version.ts';
import { guestNetName } from './write-guest-net.ts';

/** Addresses of a guest, and the file that they are from. */
export interface FoundGuestNet extends GuestNet {
  file: string;
  /** When an export read them; ISO 8601, UTC. Null for a file that was written by hand. */
  readAt: string | null;
}

/** A VM has ten NICs. */
const MOST_BYTES = 2 ** 20;
const NIC_FIELDS = Object.keys(GuestNetNicSchema.entries);
const FIELDS = Object.keys(GuestNetRecordSchema.entries);

/**
 * The addresses in the file `given`, or else in the one that an export wrote next to `source`. Undefined if there is
 * none.
 * @throws kind `local-file` for a file that cannot be read, or is not valid; the sentence names the field.
 */
export async function findGuestNet(source: string, given: string | undefined): Promise<FoundGuestNet | undefined> {
  const file = given ?? join(dirname(source), guestNetName(basename(source, extname(source))));
  const text = await readText(file, given === undefined);
  return text === undefined ? undefined : { file, ...parse(text, file) };
}

/** A warning about MAC addresses in the file that are not those of the VM; undefined if there are none. */
export function foreignNics({ file, nics }: FoundGuestNet, macs: readonly (string | undefined)[]): string | undefined {
  const foreign = nics.map(({ mac }) => mac).filter((mac) => !macs.includes(mac));
  if (foreign.length === 0) return undefined;
  return `${file} has addresses for ${foreign.join(', ')}, which is not a MAC address of the VM.`;
}

/** Undefined if the file does not exist, unless it was given. */
async function readText(file: string, isOptional: boolean): Promise<string | undefined> {
  try {
    await using handle = await open(file, 'r');
    const stats = await handle.stat();
    if (!stats.isFile() || stats.size > MOST_BYTES) throw invalid(file, 'it is not a small text file');
    return await handle.readFile('utf8');
  } catch (error) {
    if (isOptional && errnoOf(error) === 'ENOENT') return undefined;
    throw localFileError('read', file, error);
  }
}

function parse(text: string, file: string): Omit<FoundGuestNet, 'file'> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid(file, 'it is not JSON');
  }
  const later = laterVersion(text);
  if (later !== undefined) throw invalid(file, `schemaVersion ${later} is that of a later release`);
  const given: unknown = isObject(value) ? { schemaVersion: SCHEMA_VERSION, ...value } : value;
  const result = safeParse(GuestNetRecordSchema, given);
  if (!result.success) {
    const [issue] = result.issues;
    const path = getDotPath(issue);
    throw invalid(file, path === null ? issue.message : `${path}: ${issue.message}`);
  }
  // A later release may add fields to the files that it writes. In a file that is written by hand, they are typing errors.
  if (result.output.readAt === undefined) requireKnownFields(given, file);
  const nics = result.output.nics.map(normalized);
  const double = nics.find(({ mac }, index) => nics.findIndex((other) => other.mac === mac) !== index);
  if (double !== undefined) throw invalid(file, `nics: ${double.mac} is there twice`);
  return { nics, readAt: result.output.readAt ?? null };
}

function normalized(nic: GuestNetNic): GuestNetNic {
  return {
    ...nic,
    mac: nic.mac.toLowerCase(),
    addresses: nic.addresses.map((each) => ({ ...each, address: canonicalAddress(each.address) })),
    gateways: nic.gateways.map(canonicalAddress),
    dns: nic.dns.map(canonicalAddress),
  };
}

function requireKnownFields(value: unknown, file: string): void {
  const check = (object: unknown, known: readonly string[], path: string): void => {
    const unknown = isObject(object) ? Object.keys(object).find((key) => !known.includes(key)) : undefined;
    if (unknown === undefined) return;
    throw invalid(file, `${path}${unknown} is not a field; the fields are ${known.join(', ')}`);
  };
  check(value, FIELDS, '');
  const nics: unknown = isObject(value) ? value['nics'] : undefined;
  if (!Array.isArray(nics)) return;
  for (const [index, nic] of nics.entries()) check(nic, NIC_FIELDS, `nics.${index}.`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(file: string, why: string): Hyper2kvmError {
  return new Hyper2kvmError('local-file', `The addresses in ${file} cannot be used: ${why}.`, {
    hint: 'Correct the file, use another one with --guest-net FILE, or move it away.',
  });
}
