import type { StepRunner } from './run-step.ts';

/** A Debian release from which guests are built. */
export type Suite = 'bookworm' | 'trixie';

/** The Debian mirror and proxy of this host's apt. Guests use the same ones. */
export interface AptSource {
  mirror: string;
  securityMirror: string | undefined;
  /** Environment variables that make programs use apt's proxy. */
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

/** Returns the guest's sources.list for the time of the build. */
export function sourcesList(source: AptSource, suite: Suite): string {
  const lines = [`deb ${source.mirror} ${suite} main`];
  if (source.securityMirror !== undefined) lines.push(`deb ${source.securityMirror} ${suite}-security main`);
  return `${lines.join('\n')}\n`;
}
