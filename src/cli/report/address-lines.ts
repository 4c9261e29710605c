import type { GuestNetNic } from '../../base/guest-net.ts';
import type { GuestNetReport } from '../../operations/guest-net/types.ts';
import { safeText } from '../text/safe-text.ts';
import { renderTable } from '../text/table.ts';

/** The addresses of a guest at its export: a row for each NIC, or one line with the reason why they are not known. */
export function addressLines({ reason, nics }: GuestNetReport, width: number | undefined): string[] {
  if (reason !== null) return [`Addresses of the guest: not known. ${safeText(reason)}`];
  const rows = nics.map((nic) => [nic.mac, addressWords(nic)]);
  return renderTable([{ header: 'NIC' }, { header: 'ADDRESSES ON VMWARE', cut: 'wrap' }], rows, width);
}

/** `192.0.2.10/24 manual; gateway 192.0.2.1; DNS 192.0.2.53` */
export function addressWords({ addresses, gateways, dns, connected }: GuestNetNic): string {
  const words = addresses.map(({ address, prefix, origin }) => {
    const length = prefix === undefined ? '' : `/${prefix}`;
    return `${address}${length}${origin === 'unknown' ? '' : ` ${origin}`}`;
  });
  return [
    words.length === 0 ? 'none' : words.join(', '),
    gateways.length === 0 ? '' : `gateway ${gateways.join(', ')}`,
    dns.length === 0 ? '' : `DNS ${dns.join(', ')}`,
    connected === false ? 'disconnected' : '',
  ]
    .filter(Boolean)
    .join('; ');
}
