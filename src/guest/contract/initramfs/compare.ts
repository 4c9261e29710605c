import { splitWord } from '../boot-entries/boot-entry.ts';
import { parseMdadmConf } from '../../config/mdadm-conf.ts';
import { MDADM_CONFS } from '../resolve-device.ts';
import type { ArchiveTree } from './archive/archive-tree.ts';
import type { InitramfsFinding } from './check-drivers.ts';
import { readInitramfsConfig } from './initramfs-config.ts';

/**
 * A function of an initramfs. `key` is identical in another initramfs with the same function, whatever the devices
 * are called there.
 */
interface Item {
  key: string;
  /** A noun phrase for a sentence. */
  what: string;
  path: string;
}

/** Volumes, keys, arrays and settings that the earlier initramfs had and the present one lacks. */
export async function compareInitramfs(earlier: ArchiveTree, present: ArchiveTree): Promise<InitramfsFinding[]> {
  const there = new Set((await itemsOf(present)).map(({ key }) => key));
  const lost = (await itemsOf(earlier)).filter(({ key }) => !there.has(key));
  return lost.map(({ what, path }) => ({
    verdict: 'not-ready',
    path,
    reason: `The earlier initramfs had ${what}, which this one lacks.`,
  }));
}

async function itemsOf(tree: ArchiveTree): Promise<Item[]> {
  const { volumes, settings, words } = await readInitramfsConfig(tree);
  const items: Item[] = [];
  for (const { name, keyFile, path } of volumes) {
    items.push({ key: `volume ${name}`, what: `the encrypted volume ${name}`, path });
    if (keyFile !== undefined) items.push({ key: `key ${name}`, what: `a key file for ${name}`, path });
  }
  for (const { name, path } of settings) {
    if (path.startsWith('/conf/conf.d/')) items.push({ key: `setting ${name}`, what: `the setting ${name}`, path });
  }
  for (const word of words) {
    const { name } = splitWord(word);
    items.push({ key: `word ${name}`, what: `${name}= in its command line`, path: word.file });
  }
  for (const path of MDADM_CONFS) {
    for (const { uuid } of parseMdadmConf((await tree.read(path)) ?? '').arrays) {
      if (uuid !== undefined) items.push({ key: `array ${uuid}`, what: `the array ${uuid}`, path });
    }
  }
  return items;
}
