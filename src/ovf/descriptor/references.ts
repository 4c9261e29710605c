import { namesOfHref, unfitName } from '../files/file-href.ts';
import type { OvfElement, RefuseDescriptor } from './envelope.ts';
import { wholeNumber } from './sections.ts';

/** A file of the package, from the descriptor's References. */
export interface OvfFile {
  id: string;
  /** As written in the descriptor, and relative to it; see `namesOfHref`. Verified not to lead out of the package. */
  href: string;
  /**
   * Size of the stored file, including all chunks. Unverified: writers get it wrong (0 and -1 also occur), and the
   * attribute is optional.
   */
  sizeBytes: number | undefined;
  /** The complete file is compressed with gzip. */
  gzip: boolean;
  /**
   * Set if the file is split into `href.000000000`, `href.000000001`, … of this size. The last chunk can be smaller.
   */
  chunkBytes: number | undefined;
}

/** Reads the References (DSP0243, 7.1) in order. */
export function readReferences(envelope: OvfElement, refuse: RefuseDescriptor): OvfFile[] {
  const elements = envelope.children('References').flatMap((section) => section.children('File'));
  const files = elements.map((element) => readFile(element, refuse));
  requireOnce(files.map(({ id }) => `the file id ${id}`));
  requireOnce(files.map(({ href }) => `the file ${href}`));
  return files;

  function requireOnce(texts: string[]): void {
    const seen = new Set<string>();
    for (const text of texts) {
      if (seen.has(text)) refuse(`it has ${text} twice`);
      seen.add(text);
    }
  }
}

function readFile(element: OvfElement, refuse: RefuseDescriptor): OvfFile {
  const href = element.attribute('href') ?? refuse('it has a file without a name');
  for (const name of namesOfHref(href)) {
    const fault = unfitName(name);
    if (fault !== undefined) refuse(`it names the file ${JSON.stringify(href.slice(0, 200))}, which ${fault}`);
  }
  const numberOf = (attribute: string): number | undefined => {
    const text = element.attribute(attribute);
    if (text === undefined || text === '') return undefined;
    return wholeNumber(text) ?? refuse(`it gives ${href} the ${attribute} ${JSON.stringify(text.slice(0, 40))}`);
  };
  const compression = element.attribute('compression') || 'identity';
  if (!['gzip', 'identity'].includes(compression)) {
    refuse(`its file ${href} has the unknown compression ${JSON.stringify(compression.slice(0, 40))}`);
  }
  // Some writers use -1 for an unknown size.
  const sizeText = element.attribute('size') ?? '';
  return {
    id: element.attribute('id') ?? refuse(`its file ${href} has no id`),
    href,
    sizeBytes: /^-\d{1,15}$/.test(sizeText) ? Number(sizeText) : numberOf('size'),
    gzip: compression === 'gzip',
    // Zero means that the file has no chunks.
    chunkBytes: numberOf('chunkSize') || undefined,
  };
}
