import { Hyper2kvmError } from '../../base/errors.ts';
import type { Secret } from '../../base/text/secret.ts';
import { chooseApiVersion, FALLBACK_VERSION } from './api-version.ts';
import { addressOf, CertificateTrust } from '../connection/certificate-trust.ts';
import { factsOfStatus } from '../connection/connection-failure.ts';
import type { ConnectionSettings } from '../connection/connection-settings.ts';
import { isFault, VsphereFault } from '../soap/fault.ts';
import { HttpTransport, type HttpAnswer, type HttpCall } from '../soap/http-transport.ts';
import { signOfSession } from './lost-session.ts';
import { HttpStatusError, isPassingFailure, isRepeatable, repeatWhilePassing } from './passing-failure.ts';
import { decodeServiceContent, type ServiceContent } from './service-content.ts';
import { SessionCookie } from './session-cookie.ts';
import { decodeResponse, encodeRequest } from '../soap/soap-envelope.ts';
import type { MoRef, WsdlMethod, WsdlValue } from '../soap/wsdl-types.ts';
import { parseXml, type XmlElement } from '../soap/xml-element.ts';
import { WireWatch } from './wire-watch.ts';

/** The one object with the same reference on every server. */
export const SERVICE_INSTANCE: MoRef = { type: 'ServiceInstance', value: 'ServiceInstance' };

/** What a server reports before login: its product, and the API version in use. */
export interface ServerGreeting {
  content: ServiceContent;
  apiVersion: string;
}

/**
 * One connection to a vCenter or ESXi host. {@link greet} needs no login. {@link login} opens the session and
 * {@link logout} ends it; the caller that logged in must log out in every case. If the session expires, a call logs in
 * again, at most once per call.
 */
export class VsphereClient {
  readonly settings: ConnectionSettings;
  readonly http: HttpTransport;
  readonly cookie: SessionCookie;
  /** Reports calls and downloads to the observer from the settings. */
  readonly watch: WireWatch | undefined;
  #greeting: ServerGreeting | undefined;
  #account: { username: string; password: Secret } | undefined;
  #userSession: XmlElement | undefined;
  #reLogin: Promise<void> | undefined;

  constructor(settings: ConnectionSettings) {
    this.settings = settings;
    this.http = new HttpTransport(new CertificateTrust(settings.trust, settings.url));
    this.cookie = new SessionCookie(settings.url);
    this.watch = settings.observer && new WireWatch(settings.observer);
  }

  /** `host:port`, for messages. */
  get server(): string {
    return addressOf(this.settings.url);
  }

  /** The server's service content. Valid only after {@link greet}. */
  get content(): ServiceContent {
    if (!this.#greeting) throw new Error('greet() comes before anything else');
    return this.#greeting.content;
  }

  /** The key of the open session, an argument of some calls. */
  get sessionKey(): string {
    return this.#userSession?.textOf('key') ?? '';
  }

  /** Selects the API version and reads the service content. Needs no login. */
  async greet(signal: AbortSignal): Promise<ServerGreeting> {
    if (this.#greeting) return this.#greeting;
    const offered = await this.#offeredVersion(signal);
    this.#greeting = await this.#readContent(offered, signal).catch((error: unknown) => {
      // Behind upgraded proxies, some servers list a version that they then refuse.
      if (offered !== FALLBACK_VERSION && isFault(error, 'VersionMismatch', 'InvalidRequest')) {
        return this.#readContent(FALLBACK_VERSION, signal);
      }
      throw error;
    });
    return this.#greeting;
  }

  async login(signal: AbortSignal): Promise<void> {
    await this.greet(signal);
    this.#account ??= { username: this.settings.username, password: await this.settings.password() };
    const login = {
      _this: this.content.sessionManager,
      userName: this.#account.username,
      password: this.#account.password,
    };
    try {
      this.#userSession = (await this.#send('Login', login, signal)).find('returnval');
    } catch (error) {
      if (!isFault(error, 'InvalidLogin')) throw error;
      const sentence = `${this.server} refused the login of ${this.#account.username}.`;
      throw new Hyper2kvmError('authentication', sentence, {
        cause: error,
        hint: 'Check the user name (user@domain) and the password.',
      });
    }
  }

  /** Ends the session, if one is open. */
  async logout(signal: AbortSignal): Promise<void> {
    // Otherwise a session that opens during logout would stay open. Its failure is reported by the calls that requested it.
    await this.#reLogin?.catch(() => undefined);
    if (!this.#userSession) return;
    try {
      await this.#send('Logout', { _this: this.content.sessionManager }, signal);
    } catch (error) {
      if (!isFault(error, 'NotAuthenticated')) throw error;
    }
    this.#userSession = undefined;
    this.cookie.clear();
  }

  /**
   * Makes a call and returns its `<MethodResponse>`. If the session has expired, it logs in again once and repeats the
   * call, which the server has not carried out.
   * @throws VsphereFault, a transfer error, or the signal's reason.
   */
  async call<Method extends WsdlMethod>(
    method: Method,
    args: WsdlValue<Method>,
    signal: AbortSignal,
  ): Promise<XmlElement> {
    const session = this.#userSession;
    try {
      return await this.#sendInSession(method, args, signal);
    } catch (error) {
      if (!isFault(error, 'NotAuthenticated') || !session) throw error;
    }
    // When concurrent calls find the session expired, the first one opens a new session for all. The login uses no
    // caller's signal: an aborted caller must not cancel the login of the others.
    if (this.#userSession === session) {
      this.#reLogin ??= this.login(new AbortController().signal).finally(() => (this.#reLogin = undefined));
      await this.#reLogin;
      signal.throwIfAborted();
    }
    return this.#sendInSession(method, args, signal);
  }

  /**
   * Runs reads that depend on each other. A view or a paging token is lost with its session, or when a response is
   * lost. All reads are then repeated.
   */
  async readTogether<Result>(work: () => Promise<Result>, signal: AbortSignal): Promise<Result> {
    let session = this.#userSession;
    return this.#repeat('reading properties', work, signal, (error) => {
      const isOtherSession = session !== this.#userSession;
      session = this.#userSession;
      return isPassingFailure(error) || (isOtherSession && error instanceof VsphereFault);
    });
  }

  /** @throws VsphereFault `NotAuthenticated`, also when the server does not report the lost session as a fault. */
  async #sendInSession<Method extends WsdlMethod>(
    method: Method,
    args: WsdlValue<Method>,
    signal: AbortSignal,
    isAgain = false,
  ): Promise<XmlElement> {
    const cookie = this.cookie.headerFor(this.settings.url);
    const response = await this.#send(method, args, signal);
    const seen = signOfSession(method, response);
    if (seen.sign === 'lost') throw seen.fault;
    if (seen.sign === 'alive') return response;
    // The server refuses this call without a session.
    await this.#send('CurrentTime', { _this: SERVICE_INSTANCE }, signal);
    // If another call has opened a new session in the meantime, the empty response belongs to the lost one.
    const isSameSession = this.cookie.headerFor(this.settings.url) === cookie;
    return isSameSession || isAgain ? response : this.#sendInSession(method, args, signal, true);
  }

  async #offeredVersion(signal: AbortSignal): Promise<string> {
    const url = new URL(`${this.settings.url.pathname.replace(/\/$/, '')}/vimServiceVersions.xml`, this.settings.url);
    const read = (): Promise<HttpAnswer> =>
      this.#exchange('vimServiceVersions.xml', { url, headers: {}, signal }, (received) => {
        const refusal = unexpectedStatus(this.server, 'the question for its API versions', received.status);
        if (isPassingFailure(refusal)) throw refusal;
        return received;
      });
    const answer = await this.#repeat('vimServiceVersions.xml', read, signal);
    return answer.status === 200 ? chooseApiVersion(parseXml(answer.body, this.server)) : FALLBACK_VERSION;
  }

  async #readContent(apiVersion: string, signal: AbortSignal): Promise<ServerGreeting> {
    const response = await this.#send('RetrieveServiceContent', { _this: SERVICE_INSTANCE }, signal, apiVersion);
    const content = response.find('returnval');
    if (!content) throw new Hyper2kvmError('transfer', `${this.server} is not a vCenter or ESXi host.`);
    return { content: decodeServiceContent(content, this.server), apiVersion };
  }

  #send<Method extends WsdlMethod>(
    method: Method,
    args: WsdlValue<Method>,
    signal: AbortSignal,
    apiVersion = this.#greeting?.apiVersion ?? FALLBACK_VERSION,
  ): Promise<XmlElement> {
    const send = (): Promise<XmlElement> => this.#sendOnce(method, args, apiVersion, signal);
    return isRepeatable(method) ? this.#repeat(method, send, signal) : send();
  }

  #repeat<Result>(
    what: string,
    work: () => Promise<Result>,
    signal: AbortSignal,
    mayPass = isPassingFailure,
  ): Promise<Result> {
    const onRetry = (attempt: number, waitMs: number, error: unknown) =>
      this.watch?.retry(what, attempt, waitMs, error);
    return repeatWhilePassing(work, { signal, mayPass, onRetry });
  }

  /** Every call passes through here. */
  async #exchange<Result>(
    name: string,
    call: Omit<HttpCall, 'timeoutMs'>,
    read: (answer: HttpAnswer) => Result,
  ): Promise<Result> {
    const send = (): Promise<HttpAnswer> => this.http.send({ ...call, timeoutMs: this.settings.timeoutMs });
    return this.watch ? this.watch.call(name, call, send, read) : read(await send());
  }

  #sendOnce<Method extends WsdlMethod>(
    method: Method,
    args: WsdlValue<Method>,
    apiVersion: string,
    signal: AbortSignal,
  ): Promise<XmlElement> {
    const cookie = this.cookie.headerFor(this.settings.url);
    const call = {
      url: this.settings.url,
      headers: {
        'content-type': 'text/xml; charset="utf-8"',
        soapaction: `urn:vim25/${apiVersion}`,
        ...(cookie === undefined ? {} : { cookie }),
      },
      body: encodeRequest(method, args),
      signal,
    };
    return this.#exchange(method, call, (answer) => {
      // A server gives every call without a session a new cookie. The response to a call sent before a re-login must
      // not replace the new session's cookie.
      if (this.cookie.headerFor(this.settings.url) === cookie) this.cookie.keep(answer.setCookies);
      // SOAP 1.1 section 6.2: a fault has status 500. The SOAP server sends no other error status.
      if (answer.status !== 200 && answer.status !== 500) throw unexpectedStatus(this.server, method, answer.status);
      return decodeResponse(method, answer.body, this.server);
    });
  }
}

function unexpectedStatus(server: string, method: string, status: number): HttpStatusError {
  return new HttpStatusError(status, `${server} answered ${method} with HTTP status ${status}.`, {
    ...factsOfStatus(status, server),
    ...(status === 404 && { hint: 'There is no vSphere API at that path; --url is usually https://HOST/sdk.' }),
  });
}
