import { readXml } from '../../base/xml/read-xml.ts';
import { decodeXmlReferences } from '../../base/xml/xml-references.ts';

/** One element. libvirt's own elements have no prefix; elements of other namespaces keep theirs in the name. */
export interface XmlNode {
  name: string;
  attributes: ReadonlyMap<string, string>;
  children: readonly XmlNode[];
  /** The element's own text, trimmed. */
  text: string;
}

/** Must throw; `what` describes the problem with the text. */
export type RefuseXml = (what: string) => never;

/** libvirt rejects domains of more than 10 MiB. Even domains with hundreds of devices have only a few hundred KB. */
const LIMITS = [
  { most: 2 * 2 ** 20, what: 'it is too large for a domain' },
  { characters: '<=', most: 40_000, what: 'it is too large for a domain' },
];

/**
 * Parses a text into its root element. Calls `refuse` if the text is not XML or is too large; see also {@link
 * readXml}.
 */
export function parseXmlTree(text: string, refuse: RefuseXml): XmlNode {
  const [root, ...others] = readXml<XmlNode>(text, {
    limits: LIMITS,
    refuse,
    build: ({ name, attributes, children, texts }) => {
      const pairs = Object.entries(attributes).map(([key, value]): [string, string] => [
        key,
        decodeXmlReferences(value, refuse),
      ]);
      const own = texts.map((piece) => (piece.isCdata ? piece.text : decodeXmlReferences(piece.text, refuse)));
      return { name, attributes: new Map(pairs), children, text: own.join('').trim() };
    },
  });
  if (root === undefined || others.length > 0) return refuse('it does not have exactly one root element');
  return root;
}

/** The first child with that name; a path of names is separated by slashes. */
export function childOf(node: XmlNode | undefined, path: string): XmlNode | undefined {
  let found = node;
  for (const name of path.split('/')) found = found?.children.find((child) => child.name === name);
  return found;
}

export function childrenOf(node: XmlNode | undefined, name: string): XmlNode[] {
  return node?.children.filter((child) => child.name === name) ?? [];
}
