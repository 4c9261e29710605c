import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { Hyper2kvmError } from '../base/errors.ts';

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
    let here: XmlElement | undefined = this;
    for (const name of path.split('.')) here = here?.elements.find((element) => element.name === name);
    return here;
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

type OrderedNode = Record<string, unknown> & { ':@'?: Record<string, string> };

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

/** Parses a server's answer. SOAP 1.1 section 3 forbids a document type declaration, so one is refused. */
export function parseXml(text: string, source: string): XmlElement {
  const fail = (what: string, cause?: unknown) =>
    new Hyper2kvmError('transfer', `${source} sent an answer that is not XML that can be used: ${what}.`, {
      cause,
      retryable: true,
      hint: 'Check that the address is that of a vCenter or ESXi host, and that no proxy answers in its place.',
    });
  if (/<!DOCTYPE/i.test(text)) throw fail('it has a document type declaration');
  const validity = XMLValidator.validate(text);
  if (validity !== true) throw fail(`${validity.err.msg} (line ${validity.err.line})`);
  let nodes: OrderedNode[];
  try {
    nodes = parser.parse(text) as OrderedNode[];
  } catch (error) {
    throw fail(error instanceof Error ? error.message : String(error), error);
  }
  const root = nodes.map(toElement).find((element) => element !== undefined);
  if (!root) throw fail('it has no root element');
  return root;
}

function toElement(node: OrderedNode): XmlElement | undefined {
  const name = Object.keys(node).find((key) => key !== ':@');
  if (name === undefined || name === '#text') return undefined;
  const content = node[name] as OrderedNode[];
  const text = content.map((child) => ('#text' in child ? String(child['#text']) : '')).join('');
  const elements = content.map(toElement).filter((element) => element !== undefined);
  return new XmlElement(name.replace(/^.*:/, ''), node[':@'] ?? {}, elements, text);
}
