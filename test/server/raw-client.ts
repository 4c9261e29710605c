import { once } from 'node:events';
import { Agent, request, type RequestOptions } from 'node:https';
import type { IncomingMessage } from 'node:http';
import type { TestServer } from './test-server.ts';
import { readXml, type XmlElement } from './xml-reader.ts';
import { escapeText } from './xml-writer.ts';

/** The answer to a SOAP call: the response element or the fault. */
export interface RawAnswer {
  status: number;
  /** `returnval` elements. */
  returned: XmlElement[];
  /** The fault's type, or `''` if there is no fault. */
  fault: string;
  message: string;
}

/** The result of a download. */
export interface RawDownload {
  status: number;
  bytes: Buffer;
  contentLength: string | undefined;
  /** The code of the error that broke the connection, or `''` if the body ended properly. */
  broke: string;
}

/** A client without any logic of its own, for tests that must control exactly what is sent. */
export class RawClient {
  readonly #server: TestServer;
  readonly #agent = new Agent({ keepAlive: false, rejectUnauthorized: false });
  #collector = '';
  cookie = '';

  constructor(server: TestServer) {
    this.#server = server;
  }

  /** Calls `method` on `target` (`VirtualMachine:vm-42`) with the arguments as XML. */
  async call(method: string, target: string, args = '', version = '8.0.3.0'): Promise<RawAnswer> {
    const [type, value] = splitAt(target, target.indexOf(':'));
    const body = `<?xml version="1.0"?><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><e:Body><${method} xmlns="urn:vim25"><_this type="${type}">${escapeText(value)}</_this>${args}</${method}></e:Body></e:Envelope>`;
    const headers: Record<string, string> = { soapaction: `urn:vim25/${version}`, 'content-type': 'text/xml' };
    if (this.cookie !== '') headers['cookie'] = this.cookie;
    const response = await this.#send(this.#server.url, { method: 'POST', headers }, body);
    const cookie = response.headers['set-cookie']?.[0];
    if (cookie !== undefined) this.cookie = cookie.split(';')[0] ?? '';
    const bytes = await readAll(response);
    return { status: response.statusCode ?? 0, ...parsed(bytes.toString('utf8')) };
  }

  /** Reads the names of the server's managers and logs in. */
  async login(): Promise<RawAnswer> {
    const { username, password } = this.#server;
    const [content] = (await this.call('RetrieveServiceContent', 'ServiceInstance:ServiceInstance')).returned;
    const managers = new Map(content?.children.map((child) => [child.name, `${child.type}:${child.text}`]));
    this.#collector = managers.get('propertyCollector') ?? '';
    const args = `<userName>${escapeText(username)}</userName><password>${escapeText(password)}</password>`;
    return this.call('Login', managers.get('sessionManager') ?? '', args);
  }

  /** Reads properties of one object. Returns the XML from the `RetrievePropertiesEx` answer. */
  async properties(target: string, ...paths: string[]): Promise<Map<string, XmlElement>> {
    const answer = await this.call(
      'RetrievePropertiesEx',
      this.#collector,
      `${filterSpec('specSet', target, paths)}<options/>`,
    );
    const set = answer.returned[0]?.children.find((child) => child.name === 'objects')?.children ?? [];
    return new Map(
      set.filter((child) => child.name === 'propSet').map((child) => [field(child, 'name').text, field(child, 'val')]),
    );
  }

  /** Waits until a property has one of the values. */
  async waitFor(target: string, path: string, ...texts: string[]): Promise<string> {
    const made = (await this.call('CreatePropertyCollector', this.#collector)).returned[0]?.text ?? '';
    const collector = `PropertyCollector:${made}`;
    await this.call(
      'CreateFilter',
      collector,
      `${filterSpec('spec', target, [path])}<partialUpdates>false</partialUpdates>`,
    );
    let version = '';
    for (;;) {
      const options = '<options><maxWaitSeconds>10</maxWaitSeconds></options>';
      const { returned } = await this.call('WaitForUpdatesEx', collector, `<version>${version}</version>${options}`);
      const update = returned[0];
      if (update === undefined) throw new Error(`${target} ${path} did not become ${texts.join(' or ')}`);
      version = field(update, 'version').text;
      const values = deep(update, 'changeSet').map((change) => field(change, 'val').text);
      const found = values.find((text) => texts.includes(text));
      if (found !== undefined) return found;
    }
  }

  /** Opens a lease and waits until it is ready. Returns its reference and the URLs of its files by target ID. */
  async openLease(target: string): Promise<{ lease: string; urls: Map<string, string>; info: XmlElement }> {
    const method = target.startsWith('VirtualMachineSnapshot:') ? 'ExportSnapshot' : 'ExportVm';
    const opened = await this.call(method, target);
    if (opened.fault !== '') throw new Error(`${opened.fault}: ${opened.message}`);
    const lease = `HttpNfcLease:${opened.returned[0]?.text}`;
    const state = await this.waitFor(lease, 'state', 'ready', 'error');
    const info = (await this.properties(lease, 'info')).get('info');
    if (info === undefined) throw new Error(`the lease is in state ${state}`);
    const urls = deep(info, 'deviceUrl').map(
      (each) => [field(each, 'targetId').text, field(each, 'url').text] as const,
    );
    return { lease, urls: new Map(urls), info };
  }

  /** Downloads to the end or to the first error. `signal` disconnects; `onBytes` gets the number of bytes received so far. */
  async download(
    url: string | undefined,
    { signal, onBytes }: { signal?: AbortSignal; onBytes?: (total: number) => void } = {},
  ): Promise<RawDownload> {
    const absolute = new URL((url ?? '').replace('*', this.#server.url.host));
    const chunks: Buffer[] = [];
    let status = 0;
    let contentLength: string | undefined;
    try {
      const response = await this.#send(absolute, signal === undefined ? {} : { signal });
      status = response.statusCode ?? 0;
      contentLength = response.headers['content-length'];
      let total = 0;
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        onBytes?.((total += chunk.length));
      });
      await once(response, 'end');
      return { status, bytes: Buffer.concat(chunks), contentLength, broke: response.complete ? '' : 'incomplete' };
    } catch (error) {
      // Node's own errors are not instances of `Error` in the realm in which Jest runs tests.
      const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : String(error);
      return { status, bytes: Buffer.concat(chunks), contentLength, broke: code };
    }
  }

  async #send(url: URL, options: RequestOptions, body?: string): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    request(url, { ...options, agent: this.#agent }, resolve)
      .on('error', reject)
      .end(body);
    return promise;
  }
}

/** A `PropertyFilterSpec` for one object. */
export function filterSpec(element: string, target: string, paths: readonly string[]): string {
  const [type, value] = splitAt(target, target.indexOf(':'));
  const set = paths.map((path) => `<pathSet>${path}</pathSet>`).join('');
  return `<${element}><propSet><type>${type}</type>${set}</propSet><objectSet><obj type="${type}">${escapeText(value)}</obj></objectSet></${element}>`;
}

/** Returns the child with that name, or an empty element if there is none. */
export function field(element: XmlElement, name: string): XmlElement {
  const empty = { name, type: undefined, xsiType: undefined, children: [], text: '' };
  return element.children.find((child) => child.name === name) ?? empty;
}

/** Returns all elements with that name at any depth. */
export function deep(element: XmlElement, name: string): XmlElement[] {
  return element.children.flatMap((child) => (child.name === name ? [child] : deep(child, name)));
}

function parsed(document: string): Omit<RawAnswer, 'status'> {
  if (document === '') return { returned: [], fault: '', message: '' };
  const body = field(readXml(document), 'Body');
  const [element] = body.children;
  if (element?.name !== 'Fault') return { returned: element?.children ?? [], fault: '', message: '' };
  const detail = field(element, 'detail').children[0];
  return {
    returned: detail?.children ?? [],
    fault: detail?.xsiType ?? field(element, 'faultcode').text,
    message: field(element, 'faultstring').text,
  };
}

function splitAt(text: string, place: number): [string, string] {
  return [text.slice(0, place), text.slice(place + 1)];
}

async function readAll(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  response.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(response, 'end');
  return Buffer.concat(chunks);
}
