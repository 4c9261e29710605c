import { XMLBuilder } from 'fast-xml-parser';
import { Hyper2kvmError } from '../../base/errors.ts';
import { Secret } from '../../base/text/secret.ts';
import { faultOfSoap } from './fault.ts';
import { fieldsOf, type MoRef, type WsdlMethod, type WsdlValue } from './wsdl-types.ts';
import { parseXml, type XmlElement } from './xml-element.ts';

type Node = Record<string, unknown>;

const builder = new XMLBuilder({ preserveOrder: true, ignoreAttributes: false, attributeNamePrefix: '' });

const ENVELOPE_ATTRIBUTES = {
  'xmlns:soapenv': 'http://schemas.xmlsoap.org/soap/envelope/',
  'xmlns:xsi': 'http://www.w3.org/2001/XMLSchema-instance',
};

/**
 * Encodes the SOAP 1.1 request for a call, with arguments in WSDL order.
 * @throws for a field that is not in the table.
 */
export function encodeRequest<Method extends WsdlMethod>(method: Method, args: WsdlValue<Method>): string {
  const call = { [method]: encodeFields(method, args), ':@': { xmlns: 'urn:vim25' } };
  const body = builder.build([{ 'soapenv:Envelope': [{ 'soapenv:Body': [call] }], ':@': ENVELOPE_ATTRIBUTES }]);
  return `<?xml version="1.0" encoding="UTF-8"?>${body}`;
}

function encodeFields(typeName: string, value: object): Node[] {
  const fields = fieldsOf(typeName);
  if (!fields) throw new TypeError(`the WSDL table has no type ${typeName}`);
  const unknown = Object.keys(value).find((key) => !fields.some((field) => field.name === key));
  if (unknown !== undefined) throw new TypeError(`${typeName} has no field ${unknown} in the WSDL table`);
  const given = new Map<string, unknown>(Object.entries(value));
  return fields.flatMap((field) => {
    const content = given.get(field.name);
    if (content === undefined) {
      if (field.optional) return [];
      throw new TypeError(`${typeName} needs its field ${field.name}`);
    }
    const items: unknown[] = Array.isArray(content) ? content : [content];
    return items.map((item) => encodeField(field.name, field.type, item, field.polymorphic));
  });
}

function encodeField(name: string, type: string, value: unknown, polymorphic: boolean): Node {
  if (type === 'ref' && isMoRef(value)) {
    return { [name]: [{ '#text': plainText(value.value) }], ':@': { type: value.type } };
  }
  // Control characters in a secret were rejected when it was read.
  if (value instanceof Secret) return { [name]: [{ '#text': value.reveal() }] };
  if (value !== null && typeof value === 'object') {
    const node: Node = { [name]: encodeFields(type, value) };
    if (polymorphic) node[':@'] = { 'xsi:type': type };
    return node;
  }
  return { [name]: [{ '#text': plainText(String(value)) }] };
}

function isMoRef(value: unknown): value is MoRef {
  return typeof value === 'object' && value !== null && 'type' in value && 'value' in value;
}

/** Rejects control characters that XML 1.0 section 2.2 cannot represent: a text that contains one cannot be sent. */
function plainText(text: string): string {
  // oxlint-disable-next-line no-control-regex
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.test(text))
    throw new Hyper2kvmError(
      'usage',
      `${JSON.stringify(text)} holds a control character, which is not allowed in vSphere names.`,
    );
  return text;
}

/**
 * Decodes the response to a call. Returns the `<MethodResponse>` element, whose `returnval` children are the result.
 * @throws VsphereFault when the response is a fault; a transfer error when it is not a SOAP response.
 */
export function decodeResponse(method: WsdlMethod, text: string, server: string): XmlElement {
  const root = parseXml(text, server);
  const body = root.name === 'Envelope' ? root.find('Body') : undefined;
  const fault = body?.find('Fault');
  if (fault) throw faultOfSoap(fault, method);
  const response = body?.find(`${method}Response`);
  if (!response) {
    throw new Hyper2kvmError('transfer', `${server} answered ${method} with something that is not its SOAP response.`, {
      hint: 'Check that the address is that of a vCenter or ESXi host, and that no proxy answers instead.',
    });
  }
  return response;
}

/** The managed object reference in an element. */
export function refOf(element: XmlElement | undefined): MoRef | undefined {
  if (!element?.type || element.text === '') return undefined;
  return { type: element.type, value: element.text };
}
