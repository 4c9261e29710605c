const NAMED = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
]);

/** Puts in the characters of the five references that XML has without a document type, and of numbers. `refuse` is called for any other, and must throw. */
export function decodeXmlReferences(value: string, refuse: (what: string) => never): string {
  return value.replace(/&([^;]*);?/g, (whole, reference: string) => {
    const named = NAMED.get(reference);
    if (named !== undefined) return named;
    const [, hex, decimal] = /^#(?:x([0-9a-f]{1,6})|(\d{1,7}))$/i.exec(reference) ?? [];
    const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
    return code > 0 && code <= 0x10ffff
      ? String.fromCodePoint(code)
      : refuse(`it uses the unknown entity ${whole.slice(0, 40)}`);
  });
}
