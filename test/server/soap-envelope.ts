import { VersionMismatch, type VimFault } from './fault.ts';
import type { Value } from './value.ts';
import { escapeText, writeAnyElement, writeElement } from './xml-writer.ts';

const NAMESPACES = [
  'xmlns:soapenc="http://schemas.xmlsoap.org/soap/encoding/"',
  'xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"',
  'xmlns:xsd="http://www.w3.org/2001/XMLSchema"',
  'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"',
].join(' ');

export function responseEnvelope(method: string, returned: Value): string {
  // `Fetch` returns a value of any type, so the element states its type.
  const values = method === 'Fetch' ? writeAnyElement('returnval', returned) : writeElement('returnval', returned);
  return envelope(`<${method}Response xmlns="urn:vim25">${values}</${method}Response>`);
}

/** Returns the body of an HTTP 500 answer with this fault. */
export function faultEnvelope(fault: VimFault): string {
  const text = escapeText(fault.message);
  if (fault instanceof VersionMismatch) return envelope(faultElement('VersionMismatchFaultCode', text, ''));
  const fields = Object.entries(fault.toDataObject().fields).map(([name, value]) => writeElement(name, value));
  const detail = `<${fault.type}Fault xmlns="urn:vim25" xsi:type="${fault.type}">${fields.join('')}</${fault.type}Fault>`;
  return envelope(faultElement('ServerFaultCode', text, `<detail>${detail}</detail>`));
}

function faultElement(code: string, text: string, detail: string): string {
  return `<soapenv:Fault><faultcode>${code}</faultcode><faultstring>${text}</faultstring>${detail}</soapenv:Fault>`;
}

/** Returns the content of `/sdk/vimServiceVersions.xml`. `versions` are sorted, newest first. */
export function serviceVersions(versions: readonly string[]): string {
  const [newest = '', ...prior] = versions;
  const lines = prior.map((version) => `      <version>${version}</version>`);
  return `<?xml version="1.0" encoding="UTF-8" ?>
<namespaces version="1.0">
  <namespace>
    <name>urn:vim25</name>
    <version>${newest}</version>
    <priorVersions>
${lines.join('\n')}
    </priorVersions>
  </namespace>
</namespaces>
`;
}

function envelope(body: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<soapenv:Envelope ${NAMESPACES}>\n<soapenv:Body>\n${body}\n</soapenv:Body>\n</soapenv:Envelope>`;
}
