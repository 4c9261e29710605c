import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { decodeXmlReferences } from '../../base/xml/xml-references.ts';

/** Must throw: `what` is wrong with the descriptor; `hint` says what to do, where that is not the same as for all else. */
export type RefuseDescriptor = (what: string, hint?: string) => never;

/**
 * The namespaces that a descriptor speaks in, whatever prefixes it gives them: OVF's own, the DMTF's resource settings (an `Item`'s fields) and
 * system settings, and what VMware and VirtualBox add.
 */
export type Vocabulary = 'ovf' | 'rasd' | 'vssd' | 'vmw' | 'vbox';

/** One element, with its children and attributes by vocabulary and local name; the vocabulary is OVF's own unless it is told. */
export interface OvfElement {
  /** Its children of that name, in order. */
  children: (localName: string, vocabulary?: Vocabulary) => OvfElement[];
  /** The decoded value; attributes come with and without a prefix. */
  attribute: (localName: string, vocabulary?: Vocabulary) => string | undefined;
  /** Its own text, decoded, without the white space around it. */
  text: () => string;
  /** The local name of its `xsi:type`, by which OVF 0.9 and oVirt tell one `Section` from another. */
  typeName: () => string | undefined;
}

const NAMESPACES: Record<Vocabulary, RegExp> = {
  // OVF 1.x and 2.x; oVirt writes the first with a slash at its end. OVF 0.9 and drafts of 1.0 had names of their own (VMware Studio, ESX 3.5, XenConvert).
  ovf: /^http:\/\/(schemas\.dmtf\.org\/ovf\/envelope\/[12]|schemas\.dmtf\.org\/ovf\/1\/envelope|www\.vmware\.com\/schema\/ovf\/1\/envelope)\/?$/,
  // OVF 2 has classes of their own for storage and network cards, with the same fields.
  rasd: cimClass('(Resource|Storage|EthernetPort)AllocationSettingData'),
  vssd: cimClass('VirtualSystemSettingData'),
  vmw: /^http:\/\/www\.vmware\.com\/schema\/ovf$/,
  vbox: /^http:\/\/www\.virtualbox\.org\/ovf\/machine$/,
};
const ATTRIBUTE = '@';
const TEXT = '#text';
const CDATA = '#cdata';

/**
 * The parser takes up to 35 µs and 3 KB for an element or an attribute and some bytes for each character: with these limits a second or two, and 200 MB. The largest
 * descriptors of real appliances have some thousand elements and, with licences in several languages, some hundred kilobytes.
 */
export const MOST_CHARACTERS = 2 * 2 ** 20;
const MOST_MARKUP = 40_000;

/** The namespace of each prefix in force, '' being the default one. */
type Scope = ReadonlyMap<string, string>;

/** Reads a descriptor's root element. `refuse` is called for what is no XML, holds a document type, or has another root. */
export function parseEnvelope(text: string, refuse: RefuseDescriptor): OvfElement {
  const markup = text.length > MOST_CHARACTERS ? Infinity : countOf('<', text) + countOf('=', text);
  if (markup > MOST_MARKUP) refuse('it is larger than any descriptor');
  // Entities could be made to expand without end or to read files, and OVF uses none.
  if (/<!DOCTYPE|<!ENTITY/i.test(text)) refuse('it holds a document type');
  const found = fields(parseXml(text, refuse)).filter(([name]) => !name.startsWith('?'));
  const [name, root] = found[0] ?? refuse('it is empty');
  if (localName(name) !== 'Envelope' || found.length > 1) refuse(`its root element is ${name}, not Envelope`);
  const scope = scopeOf(root, new Map());
  if (!isIn('ovf', name, scope)) refuse('its root element is not in the OVF namespace');
  return element(root, scope, refuse);
}

function countOf(character: string, text: string): number {
  let count = 0;
  for (let at = text.indexOf(character); at >= 0; at = text.indexOf(character, at + 1)) count++;
  return count;
}

function parseXml(text: string, refuse: RefuseDescriptor): unknown {
  const valid = XMLValidator.validate(text);
  if (valid !== true) refuse(`it is not well-formed XML (line ${valid.err.line}: ${valid.err.msg})`);
  const parser = new XMLParser({
    ignoreAttributes: false,
    attributeNamePrefix: ATTRIBUTE,
    textNodeName: TEXT,
    cdataPropName: CDATA,
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

/** What an element adds to the namespaces of the one around it. */
function scopeOf(node: unknown, outer: Scope): Scope {
  const bindings = fields(node).flatMap(([name, value]): [string, string][] => {
    const [declaration, prefix] = /^@xmlns(?::(.+))?$/.exec(name) ?? [];
    return declaration !== undefined && typeof value === 'string' ? [[prefix ?? '', value]] : [];
  });
  return bindings.length === 0 ? outer : new Map([...outer, ...bindings]);
}

function isIn(vocabulary: Vocabulary, name: string, scope: Scope): boolean {
  const namespace = scope.get(prefixOf(name));
  // oVirt binds OVF's namespace to a prefix, uses it on the root alone, and declares no default one.
  if (namespace === undefined) return vocabulary === 'ovf' && prefixOf(name) === '';
  return NAMESPACES[vocabulary].test(namespace);
}

function element(node: unknown, scope: Scope, refuse: RefuseDescriptor): OvfElement {
  const own = fields(node);
  const attributeOf = (isWanted: (name: string) => boolean): string | undefined => {
    const value = own.find(([name]) => name.startsWith(ATTRIBUTE) && isWanted(name.slice(ATTRIBUTE.length)))?.[1];
    return typeof value === 'string' ? decodeXmlReferences(value, refuse) : undefined;
  };
  return {
    children: (wanted, vocabulary = 'ovf') =>
      own.flatMap(([name, value]) => {
        if (localName(name) !== wanted) return [];
        const nodes: unknown[] = Array.isArray(value) ? value : [value];
        return nodes.flatMap((child) => {
          const inner = scopeOf(child, scope);
          return isIn(vocabulary, name, inner) ? [element(child, inner, refuse)] : [];
        });
      }),
    // A default namespace does not hold for attributes, but one without a prefix can mean nothing else here.
    attribute: (wanted, vocabulary = 'ovf') =>
      attributeOf((name) => localName(name) === wanted && (prefixOf(name) === '' || isIn(vocabulary, name, scope))),
    text: () => textOf(node, refuse).trim(),
    typeName: () => {
      const type = attributeOf((name) => name.endsWith(':type'));
      return type === undefined ? undefined : localName(type);
    },
  };
}

/** A CDATA section is taken as it is; text beside one comes first, which no descriptor was seen to have. */
function textOf(node: unknown, refuse: RefuseDescriptor): string {
  if (typeof node === 'string') return decodeXmlReferences(node, refuse);
  return fields(node)
    .filter(([name]) => name === TEXT || name === CDATA)
    .flatMap(([name, value]) => {
      const pieces: unknown[] = Array.isArray(value) ? value : [value];
      return pieces.map((piece) => (name === TEXT ? decodeXmlReferences(String(piece), refuse) : String(piece)));
    })
    .join('');
}

function cimClass(name: string): RegExp {
  return new RegExp(String.raw`^http://schemas\.dmtf\.org/wbem/wscim/1/cim-schema/2/CIM_${name}(\.xsd)?$`);
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
