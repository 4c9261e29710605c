import { readXml } from '../../base/xml/read-xml.ts';
import { decodeXmlReferences } from '../../base/xml/xml-references.ts';

/** One element. libvirt's own elements have no prefix; those of others keep theirs in the name. */
export interface XmlNode {
  name: string;
  attributes: ReadonlyMap<string, string>;
  children: readonly XmlNode[];
  /** Its own text, without the white space around it. */
  text: string;
}

/** Must throw: `what` is wrong with the text. */
export type RefuseXml = (what: string) => never;

/** libvirt refuses domains of more than 10 MiB; the largest that people have, with hundreds of devices, are some hundred KB. */
const LIMITS = [
  { most: 2 * 2 ** 20, what: 'it is too large for a domain' },
  { characters: '<=', most: 40_000, what: 'it is too large for a domain' },
];

/** Reads a text's root element. `refuse` is called for what is no XML or is too large, and see {@link readXml}. */
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

/** The first child of that name, or of that path of names with slashes. */
export function childOf(node: XmlNode | undefined, path: string): XmlNode | undefined {
  let found = node;
  for (const name of path.split('/')) found = found?.children.find((child) => child.name === name);
  return found;
}

export function childrenOf(node: XmlNode | undefined, name: string): XmlNode[] {
  return node?.children.filter((child) => child.name === name) ?? [];
}
