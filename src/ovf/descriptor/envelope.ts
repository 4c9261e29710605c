import { readXml, type XmlElementParts } from '../../base/xml/read-xml.ts';
import { decodeXmlReferences } from '../../base/xml/xml-references.ts';

/** Must throw an error about the problem `what` of the descriptor. `hint` replaces the default remedy. */
export type RefuseDescriptor = (what: string, hint?: string) => never;

/**
 * The namespaces of a descriptor, independent of its prefixes: OVF itself, the DMTF's resource settings (the fields of
 * an `Item`) and system settings, and the extensions of VMware and VirtualBox.
 */
export type Vocabulary = 'ovf' | 'rasd' | 'vssd' | 'vmw' | 'vbox';

/** One element. Children and attributes are found by vocabulary and local name; the default vocabulary is OVF. */
export interface OvfElement {
  /** The child elements of that name, in order. */
  children: (localName: string, vocabulary?: Vocabulary) => OvfElement[];
  /** The decoded value. Attributes are accepted with and without a prefix. */
  attribute: (localName: string, vocabulary?: Vocabulary) => string | undefined;
  /** The decoded text of the element itself, without leading and trailing white space. */
  text: () => string;
  /** The local name of its `xsi:type`, which identifies the kind of a `Section` in OVF 0.9 and oVirt. */
  typeName: () => string | undefined;
}

const NAMESPACES: Record<Vocabulary, RegExp> = {
  // OVF 1.x and 2.x; oVirt appends a slash to the former. OVF 0.9 and drafts of 1.0 used other names (VMware Studio,
  // ESX 3.5, XenConvert).
  ovf: /^http:\/\/(schemas\.dmtf\.org\/ovf\/envelope\/[12]|schemas\.dmtf\.org\/ovf\/1\/envelope|www\.vmware\.com\/schema\/ovf\/1\/envelope)\/?$/,
  // OVF 2 has separate classes for storage and network adapters, with the same fields.
  rasd: cimClass('(Resource|Storage|EthernetPort)AllocationSettingData'),
  vssd: cimClass('VirtualSystemSettingData'),
  vmw: /^http:\/\/www\.vmware\.com\/schema\/ovf$/,
  vbox: /^http:\/\/www\.virtualbox\.org\/ovf\/machine$/,
};

/**
 * The largest descriptors of real appliances have a few thousand elements and, with licenses in several languages,
 * several hundred kilobytes.
 */
export const MOST_CHARACTERS = 2 * 2 ** 20;
const LIMITS = [
  { most: MOST_CHARACTERS, what: 'it is larger than any descriptor' },
  { characters: '<=', most: 40_000, what: 'it is larger than any descriptor' },
];

/** An element as returned by the parser. */
interface Element extends XmlElementParts<Element> {}

/** The namespace of each prefix in scope; '' is the default namespace. */
type Scope = ReadonlyMap<string, string>;

/**
 * Reads the root element of a descriptor. `refuse` is called for text that is not XML, for a wrong root element, and as
 * described for {@link readXml}.
 */
export function parseEnvelope(text: string, refuse: RefuseDescriptor): OvfElement {
  const found = readXml<Element>(text, { limits: LIMITS, refuse: (what) => refuse(what), build: (parts) => parts });
  const root = found[0] ?? refuse('it is empty');
  const { name } = root;
  if (localName(name) !== 'Envelope' || found.length > 1) refuse(`its root element is ${name}, not Envelope`);
  const scope = scopeOf(root, new Map());
  if (!isIn('ovf', name, scope)) refuse('its root element is not in the OVF namespace');
  return element(root, scope, refuse);
}

/** Returns the namespaces of an element: those of its parent and its own declarations. */
function scopeOf({ attributes }: Element, outer: Scope): Scope {
  const bindings = Object.entries(attributes).flatMap(([name, value]): [string, string][] => {
    const [declaration, prefix] = /^xmlns(?::(.+))?$/.exec(name) ?? [];
    return declaration === undefined ? [] : [[prefix ?? '', value]];
  });
  return bindings.length === 0 ? outer : new Map([...outer, ...bindings]);
}

function isIn(vocabulary: Vocabulary, name: string, scope: Scope): boolean {
  const namespace = scope.get(prefixOf(name));
  // oVirt binds the OVF namespace to a prefix that it uses only on the root element, and declares no default namespace.
  if (namespace === undefined) return vocabulary === 'ovf' && prefixOf(name) === '';
  return NAMESPACES[vocabulary].test(namespace);
}

function element({ attributes, children, texts }: Element, scope: Scope, refuse: RefuseDescriptor): OvfElement {
  const attributeOf = (isWanted: (name: string) => boolean): string | undefined => {
    const value = Object.entries(attributes).find(([name]) => isWanted(name))?.[1];
    return value === undefined ? undefined : decodeXmlReferences(value, (what) => refuse(what));
  };
  return {
    children: (wanted, vocabulary = 'ovf') =>
      children.flatMap((child) => {
        if (localName(child.name) !== wanted) return [];
        const inner = scopeOf(child, scope);
        return isIn(vocabulary, child.name, inner) ? [element(child, inner, refuse)] : [];
      }),
    // A default namespace does not apply to attributes, but an attribute without a prefix has no other possible meaning
    // here.
    attribute: (wanted, vocabulary = 'ovf') =>
      attributeOf((name) => localName(name) === wanted && (prefixOf(name) === '' || isIn(vocabulary, name, scope))),
    text: () =>
      texts
        .map(({ text, isCdata }) => (isCdata ? text : decodeXmlReferences(text, (what) => refuse(what))))
        .join('')
        .trim(),
    typeName: () => {
      const type = attributeOf((name) => name.endsWith(':type'));
      return type === undefined ? undefined : localName(type);
    },
  };
}

function cimClass(name: string): RegExp {
  return new RegExp(String.raw`^http://schemas\.dmtf\.org/wbem/wscim/1/cim-schema/2/CIM_${name}(\.xsd)?$`);
}

function prefixOf(name: string): string {
  return name.includes(':') ? name.slice(0, name.indexOf(':')) : '';
}

function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}
