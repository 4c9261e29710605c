import { wordsOf } from '../boot-entries/boot-entry.ts';
import { readLoaderConfigs } from '../boot-entries/loaders/loader-configs.ts';
import type { BootSubject } from '../boot-check.ts';

/** The files from which command lines are generated, used if no boot loader entry was read. */
const SOURCES: readonly { folder: string; names: RegExp; line: RegExp }[] = [
  { folder: '/etc/kernel', names: /^cmdline$/, line: /^(.*)$/ },
  { folder: '/etc/default', names: /^grub$/, line: /^\s*GRUB_CMDLINE_LINUX\w*=["']?(.*?)["']?\s*$/ },
];

/** The words of the kernel command line in the default boot entry. */
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
