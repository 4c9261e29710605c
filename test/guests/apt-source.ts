import type { StepRunner } from './run-step.ts';

/** A release of Debian that guests are made of. */
export type Suite = 'bookworm' | 'trixie';

/** Where this host's apt gets Debian from, so that guests come from the same mirror through the same proxy. */
export interface AptSource {
  mirror: string;
  securityMirror: string | undefined;
  /** What programs need in their environment to use apt's proxy. */
  env: Record<string, string>;
}

export async function readAptSource(steps: StepRunner): Promise<AptSource> {
  const format = '$(LABEL)|$(CODENAME)|$(REPO_URI)';
  const targets = await steps.run('apt-get', ['indextargets', '--format', format, 'Created-By: Packages']);
  const rows = targets.split('\n').map((line) => line.split('|'));
  const uriOf = (label: string): string | undefined => rows.find((row) => row[0] === label)?.[2];
  const mirror = uriOf('Debian');
  if (mirror === undefined) throw new Error('apt knows no Debian mirror: run `apt-get update` first');
  const proxy = /PROXY='(.*)'/.exec(await steps.run('apt-config', ['shell', 'PROXY', 'Acquire::http::Proxy']))?.[1];
  const env: Record<string, string> = proxy === undefined || proxy === 'DIRECT' ? {} : { http_proxy: proxy };
  return { mirror, securityMirror: uriOf('Debian-Security'), env };
}

/** The guest's sources.list while it is made. */
export function sourcesList(source: AptSource, suite: Suite): string {
  const lines = [`deb ${source.mirror} ${suite} main`];
  if (source.securityMirror !== undefined) lines.push(`deb ${source.securityMirror} ${suite}-security main`);
  return `${lines.join('\n')}\n`;
}
