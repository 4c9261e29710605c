import { XMLParser, XMLValidator } from 'fast-xml-parser';
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
const MOST_CHARACTERS = 2 * 2 ** 20;
/** The parser takes up to 35 µs and 3 KB for an element or an attribute. */
const MOST_MARKUP = 40_000;

/** Reads a text's root element. `refuse` is called for what is no XML, is too large, or holds a document type, whose entities could expand without end. */
export function parseXmlTree(text: string, refuse: RefuseXml): XmlNode {
  const isLarge = text.length > MOST_CHARACTERS || (text.match(/[<=]/g) ?? []).length > MOST_MARKUP;
  if (isLarge) refuse('it is larger than any domain');
  if (/<!DOCTYPE|<!ENTITY/i.test(text)) refuse('it holds a document type');
  const valid = XMLValidator.validate(text);
  if (valid !== true) refuse(`it is not well-formed XML (line ${valid.err.line}: ${valid.err.msg})`);
  const roots = nodesOf(parsed(text, refuse), refuse);
  const [root] = roots;
  if (root === undefined || roots.length > 1) return refuse('it has not one root element');
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

function parsed(text: string, refuse: RefuseXml): unknown {
  const parser = new XMLParser({
    preserveOrder: true,
    ignoreAttributes: false,
    attributeNamePrefix: '',
    parseTagValue: false,
    parseAttributeValue: false,
    trimValues: false,
    processEntities: false,
    ignoreDeclaration: true,
    ignorePiTags: true,
  });
  try {
    const tree: unknown = parser.parse(text);
    return tree;
  } catch (error) {
    return refuse(`it cannot be parsed (${error instanceof Error ? error.message : String(error)})`);
  }
}

/** The parser gives a list of `{ name: children, ':@': attributes }` and `{ '#text': text }`. */
function nodesOf(list: unknown, refuse: RefuseXml): XmlNode[] {
  return entriesOf(list).flatMap(({ ':@': attributes = {}, ...content }) => {
    const [name, inner] = Object.entries(content)[0] ?? ['#text', ''];
    if (name === '#text') return [];
    const text = entriesOf(inner).map((child) => (typeof child['#text'] === 'string' ? child['#text'] : ''));
    const pairs = Object.entries(attributes ?? {}).map(([key, value]): [string, string] => [
      key,
      decodeXmlReferences(String(value), refuse),
    ]);
    return [
      {
        name,
        attributes: new Map(pairs),
        children: nodesOf(inner, refuse),
        text: decodeXmlReferences(text.join(''), refuse).trim(),
      },
    ];
  });
}

function entriesOf(list: unknown): Record<string, unknown>[] {
  return Array.isArray(list) ? list : [];
}
