import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { CHANGE_METHODS } from './disks/change-methods.ts';
import { faultOf, invalidRequest, VersionMismatch, VimFault } from './fault.ts';
import { HttpNfcLease } from './http-nfc-lease.ts';
import type { HttpsEndpoint } from './https-endpoint.ts';
import { LEASE_METHODS } from './lease-methods.ts';
import { isKindOf } from './managed-object.ts';
import { NFC_METHODS } from './nfc/nfc-methods.ts';
import { PROPERTY_METHODS, readsOnlySessionState } from './property-methods.ts';
import { readArguments, type RequestObject } from './request-arguments.ts';
import { METHODS, type MethodName } from './request-schema.ts';
import { SEARCH_METHODS } from './search-methods.ts';
import type { CallRecord } from './server-state.ts';
import type { Service } from './service.ts';
import { Session } from './session-store.ts';
import { SESSION_METHODS } from './session-methods.ts';
import { misbehave } from './soap-misbehavior.ts';
import type { SoapMethod } from './soap-call.ts';
import { faultEnvelope, responseEnvelope } from './soap-envelope.ts';
import { MoRef } from './value.ts';
import { VirtualMachine } from './virtual-machine.ts';
import { VM_METHODS } from './vm-methods.ts';
import { SNAPSHOT_METHODS } from './snapshot-methods.ts';
import { VmSnapshot } from './vm-snapshot.ts';
import { readXml, type XmlElement } from './xml-reader.ts';

const HANDLERS: Record<MethodName, SoapMethod> = {
  ...SESSION_METHODS,
  ...PROPERTY_METHODS,
  ...SEARCH_METHODS,
  ...VM_METHODS,
  ...SNAPSHOT_METHODS,
  ...CHANGE_METHODS,
  ...LEASE_METHODS,
  ...NFC_METHODS,
};

/** Methods that do not require a login. */
const OPEN_METHODS = new Set<string>(['RetrieveServiceContent', 'Login']);

/** Answers `POST /sdk`. */
export async function answerSoap(
  service: Service,
  https: HttpsEndpoint,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const now = service.now();
  const hungUp = new AbortController();
  response.on('close', () => hungUp.abort());
  const record: CallRecord = { method: '', vm: undefined, fault: undefined };
  const answer = { status: 200, body: '' };
  let lost = false;
  try {
    const element = methodElement(await readBody(request));
    record.method = element.name;
    service.calls.push(record);
    const about = vmBehind(service, element);
    record.vm = about?.displayName;
    const method = knownMethod(element.name);
    const scripted = service.faults.take(method, about === undefined ? [] : [about.displayName]);
    const remarks = scripted?.action === 'remarks' ? scripted : undefined;
    if (scripted !== undefined && scripted.action !== 'remarks') {
      record.fault = scripted.action;
      const went = await misbehave(scripted, { service, https, request, response, hungUp: hungUp.signal });
      if (went === 'over') return;
      lost = went === 'answer is lost';
    }
    const version = spokenVersion(service, request);
    const known = service.sessions.find(request.headers.cookie ?? '', now);
    const session = known ?? newSession(request, now);
    if (known === undefined && service.options.cookie === 'first-call') sendCookie(service, session, response);
    session.lastActiveTime = now;
    session.callCount += 1;
    const args = readArguments(method, METHODS[method].params, element.children.slice(1));
    const ref = thisOf(element);
    if (session.userName === undefined) assertOpen(service, method, args, ref);
    const target = service.objects.get(ref);
    if (!isKindOf(target.ref.type, METHODS[method].on))
      throw invalidRequest(`${method} is no method of ${target.ref.type}`);
    const call = { service, method, target, args, session, version, remarks, hungUp: hungUp.signal };
    answer.body = responseEnvelope(method, await HANDLERS[method](call));
    if (known === undefined && method === 'Login' && service.options.cookie === 'login') {
      sendCookie(service, session, response);
    }
  } catch (error) {
    // Any other error is a bug in this server. The message shows it, as on a real server.
    const fault =
      error instanceof VimFault
        ? error
        : new VimFault('SystemError', `A general system error occurred: ${String(error)}`);
    record.fault = fault.type;
    answer.status = 500;
    answer.body = faultEnvelope(fault);
  }
  if (lost) request.socket.destroy();
  else if (!response.destroyed) {
    response.writeHead(answer.status, { 'content-type': 'text/xml; charset="utf-8"' }).end(answer.body);
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(request, 'end');
  return Buffer.concat(chunks).toString('utf8');
}

function methodElement(document: string): XmlElement {
  const method = envelopeOf(document).children.find((child) => child.name === 'Body')?.children[0];
  if (method === undefined) throw invalidRequest('The request has no body');
  return method;
}

function envelopeOf(document: string): XmlElement {
  try {
    return readXml(document);
  } catch (error) {
    throw invalidRequest(`The request is no XML: ${String(error)}`);
  }
}

function knownMethod(name: string): MethodName {
  if (isMethodName(name)) return name;
  throw invalidRequest(`Unable to resolve WSDL method name ${name} for "urn:vim25"`);
}

function isMethodName(name: string): name is MethodName {
  return Object.hasOwn(METHODS, name);
}

function thisOf(element: XmlElement): MoRef {
  const target = element.children[0];
  if (target?.name !== '_this' || target.type === undefined)
    throw invalidRequest(`${element.name} does not begin with _this`);
  return new MoRef(target.type, target.text.trim());
}

/** Returns the API version from a header such as `SOAPAction: urn:vim25/8.0.3.0`. */
function spokenVersion(service: Service, request: IncomingMessage): string {
  const action = String(request.headers['soapaction'] ?? '').replaceAll('"', '');
  const version = /^urn:vim25\/(.+)$/.exec(action)?.[1] ?? '';
  if (version === '' || service.options.versions.includes(version)) return version;
  throw new VersionMismatch(`Unsupported version URI "urn:vim25/${version}"`);
}

/** @throws a `NotAuthenticated` fault unless the call works without a login */
function assertOpen(service: Service, method: MethodName, args: RequestObject, object: MoRef): void {
  if (OPEN_METHODS.has(method)) return;
  // The API reference allows these calls without a login. The property collector then decides what they return.
  const readsProperties = method === 'RetrieveProperties' || method === 'RetrievePropertiesEx';
  const isAnswered =
    service.options.propertiesWithoutSession !== 'fault' || readsOnlySessionState(args.objects('specSet'));
  if (readsProperties && isAnswered) return;
  throw faultOf('NotAuthenticated', { object, privilegeId: 'System.View' });
}

function newSession(request: IncomingMessage, now: Date): Session {
  return new Session(request.socket.remoteAddress ?? '', request.headers['user-agent'] ?? '', now);
}

/** Sends the session cookie. The quotes are part of its value. */
function sendCookie(service: Service, session: Session, response: ServerResponse): void {
  service.sessions.add(session);
  response.setHeader('set-cookie', `vmware_soap_session="${session.cookie}"; Path=/; HttpOnly; Secure;`);
}

/** Returns the VM that a call refers to, for the log and for scripted faults. */
function vmBehind(service: Service, element: XmlElement): VirtualMachine | undefined {
  for (const child of element.children) {
    if (child.type === undefined) continue;
    const object = service.objects.all().find((each) => each.ref.value === child.text.trim());
    if (object instanceof VirtualMachine) return object;
    if (object instanceof HttpNfcLease) return object.vm;
    if (object instanceof VmSnapshot) return service.vms().find((vm) => vm.ref.value === object.vmRef.value);
  }
  return undefined;
}
