import { isDeepStrictEqual } from 'node:util';

/** What a guest printed about itself on its serial console. `report-files.ts` prints it. */
export interface GuestReport {
  /** Network adapters by MAC address. */
  nics: Record<string, NicReport>;
  /** File systems on disks, and swap, by mount point: type, UUID, and the mounted folder or subvolume. */
  mounts: Record<string, string>;
  /** Failed systemd units. */
  failedUnits: string[];
  /** Absent if the kernel runs without SELinux. */
  selinux?: 'enforcing' | 'permissive';
}

/** A network adapter as seen by the guest. */
export interface NicReport {
  name: string;
  /** `up` or `down`. */
  state: string;
  /** IPv4 addresses with their prefix lengths. */
  addresses: string[];
  /** For each address, the gateway of its network, and whether it answered a ping: `10.0.2.2:answers`. */
  gateways: string[];
}

/** Reads the report; undefined if the console output has none. */
export function readReport(serial: string): GuestReport | undefined {
  if (!/^guest-ready /m.test(serial)) return undefined;
  const lines = [...serial.matchAll(/^guest-(nic|mount|swap|failed-unit|selinux) (.*)$/gm)];
  const of = (kind: string): string[] => lines.flatMap(([, each, rest = '']) => (each === kind ? [rest.trim()] : []));
  const selinux = of('selinux')[0];
  return {
    nics: Object.fromEntries(of('nic').map(readNic)),
    mounts: Object.fromEntries([
      ...of('mount').map((line) => [line.split(' ')[0] ?? '', line.split(' ').slice(1).join(' ')]),
      ...of('swap').map((uuid) => [`swap ${uuid}`, 'swap']),
    ]),
    failedUnits: of('failed-unit').toSorted(),
    ...(selinux === undefined ? {} : { selinux: selinux === 'enforcing=1' ? 'enforcing' : 'permissive' }),
  };
}

function readNic(line: string): [mac: string, nic: NicReport] {
  const fields = new Map(line.split(' ').map((field) => field.split('=', 2) as [string, string]));
  const list = (name: string): string[] => (fields.get(name) ?? '').split(',').filter((each) => each !== '');
  const nic = {
    name: fields.get('name') ?? '',
    state: fields.get('state') ?? '',
    addresses: list('addresses'),
    gateways: list('gateways'),
  };
  return [fields.get('mac') ?? '', nic];
}

/** By MAC address, whether the NIC has addresses and the gateways of all its addresses answer. */
export function reachedGateways({ nics }: GuestReport): Record<string, boolean> {
  const isReached = ({ gateways }: NicReport): boolean =>
    gateways.length > 0 && gateways.every((gateway) => gateway.endsWith(':answers'));
  return Object.fromEntries(Object.entries(nics).map(([mac, nic]) => [mac, isReached(nic)]));
}

/**
 * Describes how a boot differs from the first one, in one sentence per difference. Empty if there are no differences.
 */
export function differencesFrom(first: GuestReport, now: GuestReport): string[] {
  const differences: string[] = [];
  const compare = (what: string, before: unknown, after: unknown): void => {
    if (isDeepStrictEqual(before, after)) return;
    differences.push(`${what}: ${describe(after)}, was ${describe(before)}`);
  };
  for (const mac of keysOf(first.nics, now.nics)) {
    const [before, after] = [first.nics[mac], now.nics[mac]];
    for (const fact of ['name', 'state', 'addresses', 'gateways'] as const) {
      compare(`${mac} ${fact}`, before?.[fact], after?.[fact]);
    }
  }
  for (const target of keysOf(first.mounts, now.mounts)) compare(target, first.mounts[target], now.mounts[target]);
  compare('failed units', first.failedUnits, now.failedUnits);
  compare('SELinux', first.selinux, now.selinux);
  return differences;
}

function keysOf(...records: readonly Record<string, unknown>[]): string[] {
  return [...new Set(records.flatMap(Object.keys))].toSorted();
}

function describe(value: unknown): string {
  return Array.isArray(value) ? value.join(' ') || 'none' : typeof value === 'string' && value !== '' ? value : 'none';
}
