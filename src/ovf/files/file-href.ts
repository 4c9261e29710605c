/**
 * Returns the file names that a descriptor's `href` can mean, most likely first. The attribute is a URI reference
 * (DSP0243, 7.1), but writers use unescaped names that contain `%` and spaces.
 */
export function namesOfHref(written: string): string[] {
  const href = withoutDots(written);
  try {
    const unescaped = decodeURIComponent(href);
    return unescaped === href ? [href] : [href, unescaped];
  } catch {
    return [href];
  }
}

/** `./disk.vmdk` is `disk.vmdk` (RFC 3986, 5.2.4). */
export function withoutDots(name: string): string {
  return name.replace(/^(?:\.\/+)+(?=.)/, '').replace(/\/(?:\.\/+)+(?=.)/g, '/');
}

/**
 * Returns why a name must not be used for a file of a package, or undefined if it is safe. Safe names are relative to
 * the package, can contain subfolders, and cannot lead out of it.
 */
export function unfitName(name: string): string | undefined {
  if (/^[a-z][a-z0-9+.-]*:\//i.test(name)) return 'is a URL';
  if (name.startsWith('/')) return 'is an absolute path';
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\0-\x1f\x7f]/.test(name)) return 'contains a control character';
  if (Buffer.byteLength(name) > 1024) return 'is longer than 1024 bytes';
  const parts = name.split('/');
  if (parts.includes('..')) return 'points outside the package';
  if (parts.includes('') || parts.includes('.')) return 'is not a plain name';
  return undefined;
}
