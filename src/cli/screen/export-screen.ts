import { paintFor } from '../text/color.ts';
import type { ExportScreen, ScreenOptions, ScreenStream } from './screen.ts';

/** A screen for output that something else writes. */
const SILENT: ExportScreen = { showsErrors: true, onEvent: () => {}, note: () => {}, stop: () => Promise.resolve() };

/**
 * Creates the screen for the stream: only errors when quiet, a live list on a terminal, otherwise plain lines. A `dumb`
 * terminal cannot move its cursor and also gets plain lines.
 */
export async function createExportScreen(options: ScreenOptions): Promise<ExportScreen> {
  const { stream, env, quiet, isFleet, progress = 'auto', now = Date.now } = options;
  if (progress === 'json') return SILENT;
  if (quiet || progress === 'none') {
    const { QuietScreen } = await import('./quiet-screen.ts');
    return new QuietScreen(stream, paintFor(stream, env));
  }
  if (progress === 'auto' && hasLiveScreen(stream, env)) {
    if (isFleet) return (await import('./fleet-screen.ts')).createFleetScreen({ stream, env, now });
    const { createTerminalScreen } = await import('./terminal-screen.ts');
    return createTerminalScreen({ stream, env, now });
  }
  const { PlainScreen } = await import('./plain-screen.ts');
  return new PlainScreen(stream, now);
}

/** True for a terminal that can move its cursor. */
export function hasLiveScreen({ isTTY }: Pick<ScreenStream, 'isTTY'>, env: NodeJS.ProcessEnv): boolean {
  return isTTY === true && env['TERM'] !== 'dumb';
}
