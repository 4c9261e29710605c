import type { GuestNic } from '../../guest.ts';
import { readMac, type InterfaceName } from './interface-name.ts';

export interface Binding {
  name: string;
  mac: string;
}

export interface CardMatch {
  bindings: Binding[];
  /** Names that no card is left for, or whose card has no known address. */
  unmatched: string[];
  /** Cards that no configuration names, where VMware's slot tells what a guest with predictable names called them. */
  unnamed: Binding[];
}

/**
 * Which card had which name: by the address in the configuration, by VMware's slot (`ens192` is the card in slot 192), the rest by order. Names that the
 * guest binds itself take their card with them.
 */
export function matchCards(names: readonly InterfaceName[], nics: readonly GuestNic[]): CardMatch {
  const cards = nics.map(({ mac, pciSlotNumber }) => ({ mac: readMac(mac), pciSlotNumber }));
  const free = new Set(cards);
  const take = (fits: (card: (typeof cards)[number]) => boolean) => {
    const card = [...free].find(fits);
    if (card) free.delete(card);
    return card;
  };
  const matches = new Map<string, string | undefined>();
  for (const { name, mac, bound } of names) {
    const card = mac === undefined ? undefined : take((each) => each.mac === mac);
    if (card || bound) matches.set(name, bound ? '' : card?.mac);
  }
  const rest = names.filter(({ name }) => !matches.has(name)).map(({ name }) => name);
  for (const name of rest) {
    const slot = Number(/^(?:ens|eno)(\d+)$/.exec(name)?.[1] ?? -1);
    const card = take(({ pciSlotNumber }) => pciSlotNumber !== undefined && slotOfName(pciSlotNumber) === slot);
    if (card) matches.set(name, card.mac);
  }
  for (const name of rest.filter((each) => !matches.has(each)).toSorted(byNumber))
    matches.set(name, take(() => true)?.mac);
  const open = names.filter(({ name }) => matches.get(name) !== '');
  return {
    bindings: open.flatMap(({ name }) => {
      const mac = matches.get(name);
      return mac === undefined ? [] : [{ name, mac }];
    }),
    unmatched: open.filter(({ name }) => matches.get(name) === undefined).map(({ name }) => name),
    unnamed: [...free].flatMap(({ mac, pciSlotNumber }) => {
      const name = pciSlotNumber === undefined ? undefined : `ens${slotOfName(pciSlotNumber)}`;
      return mac === undefined || name === undefined || matches.has(name) ? [] : [{ name, mac }];
    }),
  };
}

/** VMware numbers the functions of a bridge in steps of 1024: 160, 1184, 2208, which the guest sees as slots 160, 161, 162. */
function slotOfName(pciSlotNumber: number): number {
  return (pciSlotNumber % 1024) + Math.floor(pciSlotNumber / 1024);
}

/** `ens33` before `ens192`. */
function byNumber(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}
