import { randomBytes, randomUUID } from 'node:crypto';
import { PropertyCollector } from './property-collector.ts';
import { data, type DataObject } from './value.ts';

/** A client's session. It is created by the first call and authenticated by `Login`. */
export class Session {
  /** The value of the cookie, without the quotes that are sent around it. */
  readonly cookie = randomBytes(20).toString('hex');
  readonly key = randomUUID();
  readonly ipAddress: string;
  readonly userAgent: string;
  /** The default collector. All sessions use the same reference for it, but each has its own. */
  readonly collector = new PropertyCollector();
  readonly #ending = new AbortController();
  /** Undefined until `Login`. */
  userName: string | undefined;
  loginTime = new Date(0);
  lastActiveTime: Date;
  callCount = 0;

  constructor(ipAddress: string, userAgent: string, now: Date) {
    this.ipAddress = ipAddress;
    this.userAgent = userAgent;
    this.lastActiveTime = now;
  }

  /** Aborts when the session ends, and everything that belongs to it ends, too. */
  get ended(): AbortSignal {
    return this.#ending.signal;
  }

  end(): void {
    this.userName = undefined;
    this.collector.close();
    this.#ending.abort();
  }

  toDataObject(): DataObject {
    return data('UserSession', {
      key: this.key,
      userName: this.userName ?? '',
      fullName: this.userName ?? '',
      loginTime: this.loginTime,
      lastActiveTime: this.lastActiveTime,
      locale: 'en',
      messageLocale: 'en',
      extensionSession: false,
      ipAddress: this.ipAddress,
      userAgent: this.userAgent,
      callCount: BigInt(this.callCount),
    });
  }
}

/** The sessions of the server. Idle sessions expire. */
export class SessionStore {
  readonly #sessions = new Map<string, Session>();
  /** Cookies and keys of all sessions since the server started. */
  readonly secrets: string[] = [];
  readonly #idleMs: number;

  constructor(idleSeconds: number) {
    this.#idleMs = idleSeconds * 1000;
  }

  /** Returns the active session for a `Cookie` header. */
  find(cookieHeader: string, now: Date): Session | undefined {
    const value = /(?:^|;\s*)vmware_soap_session="([^"]*)"/.exec(cookieHeader)?.[1];
    const session = value === undefined ? undefined : this.#sessions.get(value);
    if (session === undefined) return undefined;
    if (now.getTime() - session.lastActiveTime.getTime() > this.#idleMs) {
      this.end(session);
      return undefined;
    }
    return session;
  }

  /** Stores a session whose cookie is sent to the client. The client can then reuse it. */
  add(session: Session): void {
    this.#sessions.set(session.cookie, session);
    this.secrets.push(session.cookie, session.key);
  }

  end(session: Session): void {
    session.end();
    this.#sessions.delete(session.cookie);
  }

  endAll(): void {
    for (const session of this.#sessions.values()) this.end(session);
  }

  /** Returns the sessions that are logged in. */
  authenticated(): Session[] {
    return [...this.#sessions.values()].filter((session) => session.userName !== undefined);
  }
}
