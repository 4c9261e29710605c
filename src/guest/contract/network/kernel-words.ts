import { wordsOf } from '../boot-entries/boot-entry.ts';
import { readLoaderConfigs } from '../boot-entries/loaders/loader-configs.ts';
import type { BootSubject } from '../boot-check.ts';

/** What command lines are made from, where no entry of a boot loader is read. */
const SOURCES: readonly { folder: string; names: RegExp; line: RegExp }[] = [
  { folder: '/etc/kernel', names: /^cmdline$/, line: /^(.*)$/ },
  { folder: '/etc/default', names: /^grub$/, line: /^\s*GRUB_CMDLINE_LINUX\w*=["']?(.*?)["']?\s*$/ },
];

/** The words of the kernel's command line in the entry that starts when nobody chooses another one. */
export async function readKernelWords(subject: BootSubject): Promise<string[]> {
  const entries = (await readLoaderConfigs(subject)).first?.entries ?? [];
  const kernels = entries.filter(({ kernel }) => kernel !== undefined);
  const entry = kernels.find(({ isDefault }) => isDefault) ?? kernels[0];
  if (entry) return entry.commandLine.map(({ text }) => text);
  for (const { folder, names, line } of SOURCES) {
    for (const file of await subject.files.find(folder, names)) {
      const texts = ((await subject.files.read(file)) ?? '').split('\n').flatMap((each) => line.exec(each)?.[1] ?? []);
      const words = texts.flatMap((text) => wordsOf(text, { file, line: 1 }));
      if (words.length > 0) return words.map(({ text }) => text);
    }
  }
  return [];
}
