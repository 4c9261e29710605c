import { completionScript } from '../../../src/cli/completion/completion-script.ts';
import { loadManifest } from '../manifest.ts';
import { manPage } from '../man-page.ts';
import { commitTime, description, name } from './project.ts';

export const MAN_PAGE = `man/man1/${name}.1`;
export const ZSH_COMPLETION = `zsh/site-functions/_${name}`;

/** Generates the files below /usr/share, by path: shell completions and the man page, from the commands. */
export async function sharedFiles(): Promise<Record<string, string>> {
  const manifest = await loadManifest();
  const commands = Object.values(manifest.commands);
  return {
    [`bash-completion/completions/${name}`]: completionScript('bash', name, commands),
    [ZSH_COMPLETION]: completionScript('zsh', name, commands),
    [`fish/vendor_completions.d/${name}.fish`]: completionScript('fish', name, commands),
    [MAN_PAGE]: manPage(manifest, { description, date: manDate(commitTime()) }),
  };
}

/** Formats a date as `November 22, 2026`, in UTC. */
function manDate(secondsSince1970: number): string {
  const form = { year: 'numeric', month: 'long', day: 'numeric', timeZone: 'UTC' } as const;
  return new Intl.DateTimeFormat('en-US', form).format(secondsSince1970 * 1000);
}
