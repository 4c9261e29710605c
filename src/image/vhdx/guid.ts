/** A GUID as text, in lower case: three little-endian numbers, then eight bytes (MS-DTYP 2.3.4). */
export function guidText(bytes: Buffer, at: number): string {
  const hex = Buffer.from(bytes.subarray(at, at + 16));
  hex.subarray(0, 4).reverse();
  hex.subarray(4, 6).reverse();
  hex.subarray(6, 8).reverse();
  return hex.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
