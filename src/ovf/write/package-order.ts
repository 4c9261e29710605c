/** Sorts members in package order: disks first, then the rest, `disk-2` before `disk-10`. */
export function inPackageOrder<Member extends { name: string }>(members: Iterable<Member>): Member[] {
  const order = new Intl.Collator('en', { numeric: true });
  const rank = ({ name }: Member): number => (name.toLowerCase().endsWith('.vmdk') ? 0 : 1);
  return [...members].toSorted((a, b) => rank(a) - rank(b) || order.compare(a.name, b.name));
}
