import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { homeFolder } from './home-folder.ts';

/**
 * Where the program keeps what it knows from one run to the next: `$XDG_STATE_HOME/hyper2kvm`, by default `~/.local/state/hyper2kvm`; without
 * any home folder, one of this user's own under the system's temporary folder. Never throws, and makes nothing.
 */
export function stateFolder(env: NodeJS.ProcessEnv): string {
  // The XDG Base Directory Specification has relative paths ignored.
  const state = env['XDG_STATE_HOME'];
  if (state !== undefined && isAbsolute(state)) return join(state, 'hyper2kvm');
  const home = homeFolder(env);
  return home === undefined
    ? join(tmpdir(), `hyper2kvm-${process.getuid?.() ?? 'user'}`)
    : join(home, '.local', 'state', 'hyper2kvm');
}
