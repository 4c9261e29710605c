import type { IncomingMessage, ServerResponse } from 'node:http';
import { selfSignedCertificate, thumbprintOf, type ServerCertificate } from './certificate.ts';
import { DiskControl } from './disks/disk-control.ts';
import { sendLeaseFile } from './file-transfer.ts';
import { HttpsEndpoint } from './https-endpoint.ts';
import { fileDigest } from './lease-file.ts';
import { NfcEndpoint } from './nfc/nfc-endpoint.ts';
import type { PowerState, TestServerOptions, VmOptions } from './options.ts';
import type { ScriptedFaults } from './scripted-faults.ts';
import { stateOf, type ServerState } from './server-state.ts';
import { Service, type ServiceOptions } from './service.ts';
import { answerSoap } from './soap-endpoint.ts';
import { serviceVersions } from './soap-envelope.ts';

/** A running server. Close it with `close` or with `await using`. */
export interface TestServer extends AsyncDisposable {
  /** `https://127.0.0.1:PORT/sdk`. */
  readonly url: URL;
  readonly username: string;
  readonly password: string;
  /** The certificate of the SOAP endpoint and its thumbprints. */
  readonly certificatePem: string;
  readonly thumbprint: { sha1: string; sha256: string };
  /** The NFC endpoint. Undefined if the server has no NFC service. */
  readonly nfc: { host: string; port: number; sha1: string; sha256: string } | undefined;
  readonly faults: ScriptedFaults;
  /** Writes to disks, changes of disks, and their exact content at any snapshot. */
  readonly disks: DiskControl;
  state(): ServerState;
  addVm(options: VmOptions): void;
  /** Changes a VM as another client of the server would. */
  changeVm(
    name: string,
    change: {
      powerState?: PowerState;
      changeVersion?: string;
      writeDisks?: boolean;
      annotation?: string;
      /** Result of later `ShutdownGuest` calls. */
      shutdown?: NonNullable<VmOptions['shutdown']>;
    },
  ): void;
  /** Ends all sessions, as an administrator can. */
  endSessions(): void;
  /** Changes the certificate of the "ESXi" listener and the NFC endpoint. Leases and tickets then have a wrong thumbprint. */
  changeEsxiCertificate(): void;
  /** Closes all connections and refuses new ones. */
  goAway(): Promise<void>;
  /** Listens again on the same ports, with unchanged state. */
  comeBack(): Promise<void>;
  close(): Promise<void>;
}

/** Starts a server in this process. */
export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const service = new Service(options);
  const hosts = ['localhost', '127.0.0.1', ...service.options.hosts];
  const certificate = options.certificate ?? selfSignedCertificate({ commonName: hosts[2] ?? 'localhost', hosts });
  const esxiCertificate = options.esxiCertificate ?? selfSignedCertificate({ commonName: 'esxi.test', hosts });
  await readFileDigests(service);

  const soap: HttpsEndpoint = new HttpsEndpoint(certificate, (request, response) =>
    route(service, { name: 'soap', https: soap }, request, response),
  );
  const esxi: HttpsEndpoint = new HttpsEndpoint(esxiCertificate, (request, response) =>
    route(service, { name: 'esxi', https: esxi }, request, response),
  );
  const endpoints = service.options.diskHost === 'esxi' ? [soap, esxi] : [soap];
  const host = service.options.listen.host ?? '127.0.0.1';
  await soap.listen({ host, port: service.options.listen.port ?? 0 });
  if (service.options.diskHost === 'esxi') await esxi.listen({ host, port: 0 });
  service.diskEndpoint = diskEndpoint(service, soap, certificate, esxi, esxiCertificate);

  // Ports 443 and 902 of a host have the same certificate.
  const hostCertificate = service.options.diskHost === 'esxi' ? esxiCertificate : certificate;
  const nfc = service.nfc === undefined ? undefined : new NfcEndpoint(service.nfc, hostCertificate);
  await nfc?.listen(host);

  const goAway = async (): Promise<void> => {
    await Promise.all([nfc?.close(), ...endpoints.map((endpoint) => endpoint.close())]);
  };
  service.goAway = () => void goAway();
  const close = async (): Promise<void> => {
    for (const lease of service.leases) lease.forget();
    await goAway();
  };
  const { username, password } = service.options.credentials;
  return {
    url: new URL(`https://${soap.authority}/sdk`),
    username,
    password,
    certificatePem: certificate.certificatePem,
    thumbprint: {
      sha1: thumbprintOf(certificate.certificatePem, 'sha1'),
      sha256: thumbprintOf(certificate.certificatePem, 'sha256'),
    },
    nfc: service.nfc?.address,
    faults: service.faults,
    disks: new DiskControl(service),
    state: () => stateOf(service),
    addVm: (vm) => void service.addVm(vm),
    changeVm(name, { powerState, changeVersion, writeDisks, annotation, shutdown }) {
      for (const vm of service.vms().filter((each) => each.displayName === name)) {
        if (powerState !== undefined) vm.setPowerState(powerState);
        if (changeVersion !== undefined) vm.setChangeVersion(changeVersion);
        if (shutdown !== undefined) vm.shutdown = shutdown;
        if (annotation !== undefined) vm.setAnnotation(annotation);
        if (writeDisks === true) vm.writeDisks();
      }
    },
    endSessions: () => service.sessions.endAll(),
    changeEsxiCertificate() {
      const changed = selfSignedCertificate({ commonName: 'esxi.test', hosts });
      esxi.changeCertificate(changed);
      nfc?.changeCertificate(changed);
    },
    goAway,
    comeBack: async () =>
      void (await Promise.all([nfc?.listen(host), ...endpoints.map((endpoint) => endpoint.listen())])),
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function route(
  service: Service,
  endpoint: { name: 'soap' | 'esxi'; https: HttpsEndpoint },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = new URL(request.url ?? '/', 'https://host').pathname;
  if (path.startsWith(service.nfcPath)) return sendLeaseFile(service, endpoint, request, response);
  if (endpoint.name === 'soap' && path === '/sdk/vimServiceVersions.xml' && request.method === 'GET') {
    response.writeHead(200, { 'content-type': 'text/xml' }).end(serviceVersions(service.options.versions));
    return undefined;
  }
  if (endpoint.name === 'soap' && /^\/sdk\/?$/.test(path) && request.method === 'POST') {
    return answerSoap(service, endpoint.https, request, response);
  }
  response.writeHead(404).end();
  return undefined;
}

function diskEndpoint(
  service: Service,
  soap: HttpsEndpoint,
  certificate: ServerCertificate,
  esxi: HttpsEndpoint,
  esxiCertificate: ServerCertificate,
) {
  const { diskHost, thumbprint } = service.options;
  const shown = diskHost === 'esxi' ? esxiCertificate : certificate;
  const authority = { esxi: esxi.authority, self: soap.authority, '*': '*' }[diskHost];
  return {
    origin: `https://${authority}`,
    thumbprint: shownThumbprint(shown.certificatePem, thumbprint),
    certificatePem: shown.certificatePem,
  };
}

function shownThumbprint(certificatePem: string, kind: ServiceOptions['thumbprint']): string {
  if (kind === 'none') return '';
  return kind === 'unknown' ? 'SHA3-512:00ff' : thumbprintOf(certificatePem, kind);
}

/** Hashes the served files before the first client connects, so that manifest requests are fast. */
async function readFileDigests(service: Service): Promise<void> {
  for (const { content } of service.vms().flatMap((vm) => vm.disks.map((disk) => disk.options))) {
    if ('file' in content) await fileDigest(content.file);
  }
}
