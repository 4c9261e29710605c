import { grubPath, type GrubVariables, type Subject } from './grub-environment.ts';
import { blsOptions, blsValue, blsValues, newestFirst, parseBls, type BlsEntry } from '../loaders/bls-entry.ts';
import { wordsOf, type BootEntry, type EntryFile, type KernelWord } from '../boot-entry.ts';
import { entryFile, guestPath } from '../loaders/loader-path.ts';

/** The folders where the Red Hat family's `blscfg` looks: on the boot device, then in its `/boot`. */
const FOLDERS = ['/loader/entries', '/boot/loader/entries'];

/**
 * The entries that `blscfg` adds to GRUB's menu, in its order: newest first. Their variables have the values of that
 * moment.
 */
export async function blsEntriesOf(
  variables: GrubVariables,
  subject: Subject,
): Promise<{ id: string; entry: BootEntry }[]> {
  const own = variables.text('blsdir');
  for (const folder of own === '' ? FOLDERS : [own]) {
    const place = grubPath(folder, withRoot(variables), subject);
    const path = 'why' in place ? undefined : guestPath(place, subject);
    if (path === undefined) continue;
    const files = await subject.files.find(path, /\.conf$/);
    if (files.length === 0) continue;
    const entries: BlsEntry[] = [];
    for (const file of files) entries.push(parseBls((await subject.files.read(file)) ?? '', file));
    entries.sort((a, b) => newestFirst(a.id, b.id));
    return await Promise.all(
      entries.map(async (bls) => ({ id: bls.id, entry: await bootEntry(bls, variables, subject) })),
    );
  }
  return [];
}

/** If `$boot` is set, the entries are on that device. */
function withRoot(variables: GrubVariables): GrubVariables {
  const boot = variables.get('boot');
  if (!boot) return variables;
  const own = variables.copy();
  own.set('root', boot);
  return own;
}

async function bootEntry(bls: BlsEntry, variables: GrubVariables, subject: Subject): Promise<BootEntry> {
  const own = withRoot(variables);
  const file = async ({ text, ...place }: KernelWord): Promise<EntryFile> =>
    await entryFile(text, grubPath(text, own, subject), place, subject);
  const expand = (name: string): readonly KernelWord[] | undefined => {
    const value = variables.get(name);
    return value && wordsOf(value.text, value);
  };
  const kernel = blsValue(bls, 'linux');
  const images = blsValues(bls, 'initrd').flatMap(({ value, ...place }) =>
    wordsOf(value, { file: place.file, line: place.line }).flatMap((word) => {
      const [, name] = /^\$\{?(\w+)\}?$/.exec(word.text) ?? [];
      return name === undefined ? [word] : (expand(name) ?? []);
    }),
  );
  const options = blsOptions(bls, expand);
  const hasOptions = blsValue(bls, 'options') !== undefined;
  return {
    loader: 'grub',
    title: blsValue(bls, 'title')?.value ?? bls.id,
    file: bls.file,
    line: 1,
    kernel: kernel && (await file({ text: kernel.value, file: kernel.file, line: kernel.line })),
    initramfs: await Promise.all(images.map(file)),
    commandLine: hasOptions ? options : (expand('default_kernelopts') ?? []),
    isDefault: false,
    version: blsValue(bls, 'version')?.value,
  };
}
