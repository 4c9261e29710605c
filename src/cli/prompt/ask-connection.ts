import { withoutPassword } from '../../base/text/secret.ts';
import type { ConnectionSources } from '../../vsphere/connection/connection-settings.ts';
import { missingConnection, type ConnectionFlagValues } from '../config/connection-flags.ts';
import { safeText } from '../text/safe-text.ts';
import { askText } from './ask-text.ts';
import type { PromptTerminal } from './run-prompt.ts';

/**
 * Asks for the server and the user name that neither flags, environment nor profile contain. Returns the flags with the
 * answers, and the answers as words of the command line, without a password.
 */
export async function askConnection(
  given: ConnectionFlagValues,
  profile: ConnectionSources['profile'],
  terminal: PromptTerminal,
): Promise<{ values: ConnectionFlagValues; words: string[] }> {
  let values = given;
  const words: string[] = [];
  for (;;) {
    const missing = await missingConnection(values, terminal.env, profile);
    if (missing === undefined) return { values, words };
    if (missing.name === 'url') {
      const { problemOfServer } = await import('../../vsphere/connection/connection-settings.ts');
      const url = await askText('vCenter or ESXi host:', problemOfServer, terminal);
      values = { ...values, url };
      words.push('--url', withoutPassword(url));
    } else {
      const question = `User name at ${safeText(missing.host)}:`;
      const username = await askText(question, (text) => (text === '' ? 'Type a user name.' : undefined), terminal);
      values = { ...values, username };
      words.push('--username', username);
    }
  }
}
