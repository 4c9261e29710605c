import { Hyper2kvmError, sentenceOf } from '../../base/errors.ts';

/** The purpose of a connection. Disks come from an ESXi host, which a client of vCenter may never have connected to before. */
export type Purpose = 'api' | 'disks';

/** The connection was not established, so the server has not seen the request. */
export class NotConnectedError extends Hyper2kvmError {}

/** The meaning of an error code from Node, the system or OpenSSL, and the remedy. */
interface Cause {
  meaning: string;
  /** Remedy when the host is the server of `--url`. */
  server: string;
  /** Remedy for an ESXi host that serves disks. */
  diskHost: string;
  /** False when a retry of the same attempt fails again. */
  passes?: false;
  /** A proxy could route around the failure. */
  isRoute?: true;
}

const NAME = {
  server: 'Check the host name in --url, and the DNS of this host.',
  diskHost: 'This host must be able to resolve that name: add it to the DNS or to /etc/hosts.',
};
const PORT = {
  server: 'Check the address and port in --url, and whether the service runs there.',
  diskHost: 'Allow connections from this host to its TCP port 443.',
};
const ROUTE = {
  server: 'Check the address in --url, the route to it, and the firewalls between.',
  diskHost: 'Allow connections from this host to its TCP port 443, and check the route to it.',
};
const LINE = {
  server: 'Check the network in between, and whether a proxy or firewall is in it.',
  diskHost: 'Check the network in between, and whether a firewall is in it.',
};
const OPEN_FILES = {
  server: 'Raise the limit of open files (ulimit -n).',
  diskHost: 'Raise the limit of open files (ulimit -n).',
};
const NO_TLS_1_2 = {
  meaning: 'it offers no TLS 1.2, only an older version',
  server: 'Enable TLS 1.2 on the server: vSphere 6.5 and later have it on by default.',
  diskHost: 'Enable TLS 1.2 on that host: ESXi 6.5 and later have it on by default.',
  passes: false,
} as const;
const NO_TLS = {
  meaning: 'the service there does not use TLS',
  server: 'Check the port in --url: the API is on an HTTPS port, usually 443.',
  diskHost: 'Check which service uses that port on the host.',
  passes: false,
} as const;
const NO_COMMON_CIPHER = {
  meaning: 'both sides have no TLS version or cipher in common',
  server: 'Enable TLS 1.2 with a current cipher on the server, and check whether a proxy is in between.',
  diskHost: 'Enable TLS 1.2 with a current cipher on that host.',
  passes: false,
} as const;

const CAUSES: Readonly<Record<string, Cause>> = {
  ENOTFOUND: { meaning: 'the host name is unknown', ...NAME, passes: false, isRoute: true },
  EAI_AGAIN: { meaning: 'the name server did not answer', ...NAME, isRoute: true },
  EMFILE: { meaning: 'too many files are open on this host', ...OPEN_FILES },
  ECONNREFUSED: { meaning: 'connection refused', ...PORT, isRoute: true },
  EHOSTUNREACH: { meaning: 'there is no route to that host', ...ROUTE, isRoute: true },
  ENETUNREACH: { meaning: 'there is no route to that network', ...ROUTE, isRoute: true },
  ETIMEDOUT: { meaning: 'it did not answer', ...ROUTE, isRoute: true },
  ECONNRESET: { meaning: 'the other side closed it', ...LINE },
  ECONNABORTED: { meaning: 'it was aborted', ...LINE },
  EPIPE: { meaning: 'the other side closed it', ...LINE },
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: NO_TLS_1_2,
  ERR_SSL_UNSUPPORTED_PROTOCOL: NO_TLS_1_2,
  ERR_SSL_VERSION_TOO_LOW: NO_TLS_1_2,
  ERR_SSL_WRONG_VERSION_NUMBER: NO_TLS,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: NO_TLS,
  'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE': NO_COMMON_CIPHER,
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: NO_COMMON_CIPHER,
};

/** Where a failure occurred. */
interface Place {
  purpose?: Purpose;
  Kind?: typeof Hyper2kvmError;
  env?: NodeJS.ProcessEnv;
}

/** Converts a socket error into an error for the user. Returns an error of this program unchanged. */
export function connectionError(
  error: unknown,
  url: URL,
  { purpose = 'api', Kind = Hyper2kvmError, env = process.env }: Place = {},
): Error {
  if (error instanceof Hyper2kvmError) return error;
  const code = codeOf(error);
  const cause = code === undefined ? undefined : CAUSES[code];
  const why = code === undefined ? sentenceOf(error) : [code, cause && ` (${cause.meaning})`].join('');
  const remedy = cause ? remedyFor(cause, url, purpose) : 'Check the address, the port and the network between.';
  return new Kind('transfer', `The connection to ${url.host} failed: ${why}.`, {
    cause: error,
    retryable: cause?.passes ?? true,
    hint: cause?.isRoute ? `${remedy}${proxyRemark(env)}` : remedy,
  });
}

/** The error code from Node: a system error (`ECONNREFUSED`), a name resolution error (`EAI_AGAIN`) or an OpenSSL error (`ERR_SSL_…`). */
function codeOf(error: unknown): string | undefined {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** DNS lookup, TCP connect and TLS handshake took too long. The usual cause is a firewall that drops packets. */
export function connectTimeout(url: URL, limitMs: number, { purpose = 'api', env = process.env }: Place = {}): Error {
  const sentence = `${url.host} did not respond in time: no TLS connection within ${Math.round(limitMs / 1000)} seconds.`;
  const remedy = remedyFor(ROUTE, url, purpose);
  return new NotConnectedError('transfer', sentence, { retryable: true, hint: `${remedy}${proxyRemark(env)}` });
}

function remedyFor({ server, diskHost }: Pick<Cause, 'server' | 'diskHost'>, url: URL, purpose: Purpose): string {
  return purpose === 'api'
    ? server
    : `Disks are downloaded from ${url.hostname} directly, not through vCenter. ${diskHost}`;
}

const PROXY_VARIABLES = ['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy'];

/**
 * Other programs may reach the server through a proxy, which this program does not use. The proxy's URL may contain a
 * password and is not shown.
 */
function proxyRemark(env: NodeJS.ProcessEnv): string {
  const name = PROXY_VARIABLES.find((each) => env[each]);
  return name === undefined ? '' : ` ${name} is set, but hyper2kvm does not use a proxy: it needs a direct connection.`;
}

/** The meaning of an HTTP status other than 200, except those that the caller handles more precisely. */
export function factsOfStatus(status: number, host: string): { retryable: boolean; hint: string } {
  if (status === 429 || status >= 500) {
    return { retryable: true, hint: 'The server may be starting or overloaded; try again later.' };
  }
  return { retryable: false, hint: hintOfStatus(status, host) };
}

function hintOfStatus(status: number, host: string): string {
  if (status >= 300 && status < 400) {
    return `A redirect is not followed. Check the address: a proxy or login page may answer instead of ${host}.`;
  }
  if (status === 401 || status === 407) {
    return `Something in front of ${host} requires its own login, such as a reverse proxy. Connect without it.`;
  }
  if (status === 403) return `${host}, or a proxy or firewall in front of it, denies access to this host.`;
  return `Check the address, and that no proxy answers instead of ${host}.`;
}
