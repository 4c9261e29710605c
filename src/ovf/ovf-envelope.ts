import { XMLParser, XMLValidator } from 'fast-xml-parser';

/** Must throw: `what` is wrong with the descriptor. */
export type RefuseDescriptor = (what: string) => never;

/** One element of the OVF namespace, whatever prefix the document gives it. */
export interface OvfElement {
  /** Its children of that local name, in order. */
  children: (localName: string) => OvfElement[];
  /** The decoded value; OVF attributes come with and without a prefix. */
  attribute: (localName: string) => string | undefined;
}

/** OVF 1.x and 2.x. */
const OVF_NAMESPACE = /^http:\/\/schemas\.dmtf\.org\/ovf\/envelope\/[12]$/;
const ATTRIBUTE = '@';

/** Reads a descriptor's root element. `refuse` is called for what is no XML, holds a document type, or has another root. */
export function parseEnvelope(text: string, refuse: RefuseDescriptor): OvfElement {
  // Entities could be made to expand without end or to read files, and OVF uses none.
  if (/<!DOCTYPE|<!ENTITY/i.test(text)) refuse('it holds a document type');
  const found = fields(parseXml(text, refuse)).filter(([name]) => !name.startsWith('?'));
  const [name, root] = found[0] ?? refuse('it is empty');
  if (localName(name) !== 'Envelope' || found.length > 1) refuse(`its root element is ${name}, not Envelope`);
  const prefixes = ovfPrefixes(root);
  if (!prefixes.has(prefixOf(name))) refuse('its root element is not in the OVF namespace');
  return element(root, prefixes, refuse);
}

function parseXml(text: string, refuse: RefuseDescriptor): unknown {
  const valid = XMLValidator.validate(text);
  if (valid !== true) refuse(`it is not well-formed XML (line ${valid.err.line}: ${valid.err.msg})`);
  const parser = new XMLParser({
    ignoreAttributes: false,
    attributeNamePrefix: ATTRIBUTE,
    parseTagValue: false,
    parseAttributeValue: false,
    trimValues: false,
    processEntities: false,
  });
  try {
    const tree: unknown = parser.parse(text);
    return tree;
  } catch (error) {
    return refuse(`it cannot be parsed (${error instanceof Error ? error.message : String(error)})`);
  }
}

/** The prefixes that the root binds to an OVF namespace, '' for the default one. */
function ovfPrefixes(root: unknown): Set<string> {
  const bindings = fields(root).flatMap(([name, value]) => {
    const [, prefix] = /^@xmlns(?::(.+))?$/.exec(name) ?? [undefined, undefined];
    return name.startsWith('@xmlns') && typeof value === 'string' && OVF_NAMESPACE.test(value) ? [prefix ?? ''] : [];
  });
  return new Set(bindings);
}

function element(node: unknown, prefixes: Set<string>, refuse: RefuseDescriptor): OvfElement {
  const own = fields(node);
  return {
    children: (wanted) =>
      own
        .filter(([name]) => localName(name) === wanted && prefixes.has(prefixOf(name)))
        .flatMap(([, value]): unknown[] => (Array.isArray(value) ? value : [value]))
        .map((child) => element(child, prefixes, refuse)),
    attribute: (wanted) => {
      // A default namespace does not hold for attributes, but one without a prefix can mean nothing else here.
      const value = own.find(([name]) => isAttribute(name, wanted, prefixes))?.[1];
      return typeof value === 'string' ? decode(value, refuse) : undefined;
    },
  };
}

function isAttribute(name: string, wanted: string, prefixes: Set<string>): boolean {
  if (!name.startsWith(ATTRIBUTE)) return false;
  const bare = name.slice(ATTRIBUTE.length);
  return bare === wanted || (localName(bare) === wanted && prefixes.has(prefixOf(bare)));
}

function fields(node: unknown): [string, unknown][] {
  return typeof node === 'object' && node !== null ? Object.entries(node) : [];
}

function prefixOf(name: string): string {
  return name.includes(':') ? name.slice(0, name.indexOf(':')) : '';
}

function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}

const NAMED = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
]);

/** The five references that XML has without a document type, and numbers. */
function decode(value: string, refuse: RefuseDescriptor): string {
  return value.replace(/&([^;]*);?/g, (whole, reference: string) => {
    const named = NAMED.get(reference);
    if (named !== undefined) return named;
    const [, hex, decimal] = /^#(?:x([0-9a-f]{1,6})|(\d{1,7}))$/i.exec(reference) ?? [];
    const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : refuse(`it uses the unknown entity ${whole}`);
  });
}
