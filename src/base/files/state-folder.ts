import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { homeFolder } from './home-folder.ts';

/**
 * Returns the folder for persistent state: `$XDG_STATE_HOME/hyper2kvm`, by default `~/.local/state/hyper2kvm`. Without
 * a home folder, a folder of this user in the system's temporary folder. Never throws, and does not create the folder.
 */
export function stateFolder(env: NodeJS.ProcessEnv): string {
  // The XDG Base Directory Specification requires that relative paths are ignored.
  const state = env['XDG_STATE_HOME'];
  if (state !== undefined && isAbsolute(state)) return join(state, 'hyper2kvm');
  const home = homeFolder(env);
  return home === undefined
    ? join(tmpdir(), `hyper2kvm-${process.getuid?.() ?? 'user'}`)
    : join(home, '.local', 'state', 'hyper2kvm');
}
