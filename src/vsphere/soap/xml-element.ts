import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { Hyper2kvmError } from '../../base/errors.ts';
import { foreignText } from '../../base/text/foreign-text.ts';

/** A parsed XML element without namespace prefixes. White space in its text is kept as the server sent it. */
export class XmlElement {
  readonly name: string;
  readonly text: string;
  readonly elements: readonly XmlElement[];
  readonly #attributes: Readonly<Record<string, string>>;

  constructor(
    name: string,
    attributes: Readonly<Record<string, string>>,
    elements: readonly XmlElement[],
    text: string,
  ) {
    this.name = name;
    this.#attributes = attributes;
    this.elements = elements;
    this.text = text;
  }

  /** A reference's own `type` (a task's result has both), else the `xsi:type` of a polymorphic value. Without its prefix. */
  get type(): string | undefined {
    const attributes = Object.entries(this.#attributes);
    const type = this.#attributes['type'] ?? attributes.find(([name]) => name.endsWith(':type'))?.[1];
    return type?.replace(/^.*:/, '');
  }

  all(name: string): XmlElement[] {
    return this.elements.filter((element) => element.name === name);
  }

  /** The first child of that name, or of that dotted path of names. */
  find(path: string): XmlElement | undefined {
    const [first, ...rest] = path.split('.');
    const child = this.elements.find((element) => element.name === first);
    return rest.length === 0 ? child : child?.find(rest.join('.'));
  }

  textOf(path: string): string | undefined {
    return this.find(path)?.text;
  }

  /** A decimal integer such as `xsd:int` and `xsd:long`, or undefined when the element is not there or not one. */
  numberOf(path: string): number | undefined {
    const text = this.textOf(path)?.trim();
    return text !== undefined && /^-?\d+$/.test(text) ? Number(text) : undefined;
  }

  /** `xsd:boolean`: `true` or `1`. */
  isTrue(path: string): boolean {
    return ['true', '1'].includes(this.textOf(path)?.trim() ?? '');
  }
}

const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: '',
  parseTagValue: false,
  parseAttributeValue: false,
  trimValues: false,
  ignoreDeclaration: true,
  ignorePiTags: true,
  // The five entities of XML itself and numeric references; a document type, and so any other entity, is refused below.
  htmlEntities: true,
});

/**
 * How often an answer may have the signs that begin a tag, an attribute's value and a reference. What each becomes takes hundreds of bytes of memory and some microseconds,
 * in which no signal is seen; the longest honest answer, the hardware of 4,000 VMs in one page, has 1.5 million tags.
 */
const MOST_SIGNS = [
  ['<', 2_000_000, 'two million tags'],
  ['=', 2_000_000, 'two million attributes'],
  ['&', 1_000_000, 'a million references'],
] as const;
const MOST_OF_REASON = 200;

/** Parses a server's answer. SOAP 1.1 section 3 forbids a document type declaration, so one is refused. */
export function parseXml(text: string, source: string): XmlElement {
  const fail = (what: string, cause?: unknown) =>
    new Hyper2kvmError(
      'transfer',
      `${source} sent an answer that is not XML that can be used: ${foreignText(what, MOST_OF_REASON)}.`,
      {
        cause,
        retryable: true,
        hint: 'Check that the address is that of a vCenter or ESXi host, and that no proxy answers in its place.',
      },
    );
  if (/<!DOCTYPE/i.test(text)) throw fail('it has a document type declaration');
  for (const [sign, most, what] of MOST_SIGNS) {
    if (hasMore(text, sign, most)) throw fail(`it has more than ${what}`);
  }
  const validity = XMLValidator.validate(text);
  if (validity !== true) throw fail(`${validity.err.msg} (line ${validity.err.line})`);
  let nodes: unknown;
  try {
    nodes = parser.parse(text);
  } catch (error) {
    throw fail(error instanceof Error ? error.message : String(error), error);
  }
  const [root] = toElements(nodes);
  if (!root) throw fail('it has no root element');
  return root;
}

function hasMore(text: string, sign: string, most: number): boolean {
  let count = 0;
  for (let at = text.indexOf(sign); at !== -1 && count <= most; at = text.indexOf(sign, at + 1)) count += 1;
  return count > most;
}

/** What the parser gives for an ordered document: a list of `{ name: children, ':@': attributes }` and `{ '#text': text }`. */
function toElements(nodes: unknown): XmlElement[] {
  return listOf(nodes).flatMap((node) => {
    const { ':@': attributes = {}, ...content } = node;
    const [name, children] = Object.entries(content)[0] ?? ['#text'];
    if (name === '#text') return [];
    const text = listOf(children).map((child) => (typeof child['#text'] === 'string' ? child['#text'] : ''));
    return [new XmlElement(name.replace(/^.*:/, ''), stringsOf(attributes), toElements(children), text.join(''))];
  });
}

function listOf(nodes: unknown): Record<string, unknown>[] {
  return Array.isArray(nodes) ? nodes : [];
}

function stringsOf(attributes: unknown): Record<string, string> {
  const entries = Object.entries(attributes ?? {});
  return Object.fromEntries(entries.map(([name, value]) => [name, String(value)]));
}
