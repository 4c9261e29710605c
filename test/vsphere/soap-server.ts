import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { resolveConnectionSettings } from '../../src/vsphere/connection/connection-settings.ts';
import type { WireObserver } from '../../src/vsphere/connection/wire-observer.ts';
import { VsphereClient } from '../../src/vsphere/session/vsphere-client.ts';
import { selfSignedCertificate, thumbprintOf } from '../server/certificate.ts';

const certificate = selfSignedCertificate({ commonName: 'soap', hosts: ['127.0.0.1'] });

/** The answer to a SOAP call: the content of its response element, or a fault. */
export type SoapAnswer = { content: string } | { fault: string };

/** An HTTPS server that answers SOAP calls with the XML that a test writes. */
export interface SoapServer extends AsyncDisposable {
  /** A client that trusts the server. It needs neither a greeting nor a login. */
  readonly client: VsphereClient;
  /** The bodies of the calls so far. */
  readonly bodies: string[];
}

export async function startSoapServer(
  answer: (method: string, body: string) => SoapAnswer,
  observer?: WireObserver,
): Promise<SoapServer> {
  const bodies: string[] = [];
  const server = createServer({ cert: certificate.certificatePem, key: certificate.keyPem }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      bodies.push(body);
      const method = /<soapenv:Body>\s*<(\w+)/.exec(body)?.[1] ?? '';
      const result = answer(method, body);
      response.writeHead('fault' in result ? 500 : 200, { 'content-type': 'text/xml' });
      response.end(envelope('fault' in result ? faultXml(result.fault) : responseXml(method, result.content)));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const { port } = server.address() as AddressInfo;
  const settings = resolveConnectionSettings({
    flags: {
      url: `https://127.0.0.1:${port}/sdk`,
      username: 'joe',
      thumbprint: thumbprintOf(certificate.certificatePem, 'sha256'),
    },
    timeoutMs: 10_000,
    env: { HYPER2KVM_PASSWORD: 'geheim' },
    password: () => Promise.reject(new Error('the password is in the environment')),
  });
  return {
    client: new VsphereClient(observer ? { ...settings, observer } : settings),
    bodies,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function envelope(body: string): string {
  return `<?xml version="1.0"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>${body}</soapenv:Body></soapenv:Envelope>`;
}

function responseXml(method: string, content: string): string {
  return `<${method}Response xmlns="urn:vim25">${content}</${method}Response>`;
}

function faultXml(type: string): string {
  return `<soapenv:Fault><faultcode>ServerFaultCode</faultcode><faultstring>refused</faultstring><detail><${type}Fault xsi:type="${type}"/></detail></soapenv:Fault>`;
}
