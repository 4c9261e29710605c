import { readXml, type XmlElementParts } from '../../base/xml/read-xml.ts';
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

/** The largest descriptors of real appliances have some thousand elements and, with licences in several languages, some hundred kilobytes. */
export const MOST_CHARACTERS = 2 * 2 ** 20;
const LIMITS = [
  { most: MOST_CHARACTERS, what: 'it is larger than any descriptor' },
  { characters: '<=', most: 40_000, what: 'it is larger than any descriptor' },
];

/** As the parser returns it. */
interface Element extends XmlElementParts<Element> {}

/** The namespace of each prefix in force, '' being the default one. */
type Scope = ReadonlyMap<string, string>;

/** Reads a descriptor's root element. `refuse` is called for what is no XML or has another root, and see {@link readXml}. */
export function parseEnvelope(text: string, refuse: RefuseDescriptor): OvfElement {
  const found = readXml<Element>(text, { limits: LIMITS, refuse: (what) => refuse(what), build: (parts) => parts });
  const root = found[0] ?? refuse('it is empty');
  const { name } = root;
  if (localName(name) !== 'Envelope' || found.length > 1) refuse(`its root element is ${name}, not Envelope`);
  const scope = scopeOf(root, new Map());
  if (!isIn('ovf', name, scope)) refuse('its root element is not in the OVF namespace');
  return element(root, scope, refuse);
}

/** What an element adds to the namespaces of the one around it. */
function scopeOf({ attributes }: Element, outer: Scope): Scope {
  const bindings = Object.entries(attributes).flatMap(([name, value]): [string, string][] => {
    const [declaration, prefix] = /^xmlns(?::(.+))?$/.exec(name) ?? [];
    return declaration === undefined ? [] : [[prefix ?? '', value]];
  });
  return bindings.length === 0 ? outer : new Map([...outer, ...bindings]);
}

function isIn(vocabulary: Vocabulary, name: string, scope: Scope): boolean {
  const namespace = scope.get(prefixOf(name));
  // oVirt binds OVF's namespace to a prefix, uses it on the root alone, and declares no default one.
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
    // A default namespace does not hold for attributes, but one without a prefix can mean nothing else here.
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
