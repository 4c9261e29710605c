import type { EndedCommand } from '../../base/process/observe-commands.ts';
import { formatBytes } from '../../base/text/amounts.ts';
import type { WireCall, WireDownload, WireNfc, WireRetry } from '../../vsphere/connection/wire-observer.ts';
import { shellWord } from '../text/shell-word.ts';

/** `SOAP Login: HTTP 200 in 23 ms, 1.2 KiB sent, 3.4 KiB received` */
export function callLine({ method, status, durationMs, requestBytes, answerBytes, fault, failure }: WireCall): string {
  const kind = method.includes('.') ? 'GET' : 'SOAP';
  const time = milliseconds(durationMs);
  if (status === undefined) return `${kind} ${method}: no answer after ${time}: ${failure ?? 'no reason given'}`;
  const amounts = `${formatBytes(requestBytes)} sent, ${formatBytes(answerBytes)} received`;
  const facts = `${kind} ${method}: HTTP ${status} in ${time}, ${amounts}`;
  if (fault !== undefined) return `${facts}, fault ${fault}`;
  return failure === undefined ? facts : `${facts}, failed: ${failure}`;
}

/** `GET disk-0.vmdk from HOST: HTTP 200, connected after 12 ms, first byte after 30 ms, 1.0 MiB in 234 ms` */
export function downloadLine({
  url,
  status,
  connectMs,
  firstByteMs,
  durationMs,
  bodyBytes,
  failure,
}: WireDownload): string {
  const { host, pathname } = new URL(url);
  const facts = [
    status === undefined ? 'no answer' : `HTTP ${status}`,
    connectMs === undefined ? 'not connected' : `connected after ${milliseconds(connectMs)}`,
    ...(firstByteMs === undefined ? [] : [`first byte after ${milliseconds(firstByteMs)}`]),
    `${formatBytes(bodyBytes)} in ${milliseconds(durationMs)}`,
    ...(failure === undefined ? [] : [`failed: ${failure}`]),
  ];
  return `GET ${fileIn(pathname)} from ${host}: ${facts.join(', ')}`;
}

/** `NFC [ds] web/web.vmdk from HOST: version 11, open after 90 ms, 40 requests, 5.0 MiB received for 10 MiB in 234 ms` */
export function nfcLine(connection: WireNfc): string {
  const { host, file, version, connectMs, requests, receivedBytes, contentBytes, durationMs, failure } = connection;
  const facts = [
    ...(version === undefined ? [] : [`version ${version}`]),
    connectMs === undefined ? 'not open' : `open after ${milliseconds(connectMs)}`,
    `${requests} requests`,
    `${formatBytes(receivedBytes)} received for ${formatBytes(contentBytes)} in ${milliseconds(durationMs)}`,
    ...(failure === undefined ? [] : [`failed: ${failure}`]),
  ];
  return `NFC ${file} from ${host}: ${facts.join(', ')}`;
}

/** `retry of Login in 742 ms, attempt 1 failed: …` */
export function retryLine({ what, attempt, waitMs, reason }: WireRetry): string {
  return `retry of ${what} in ${milliseconds(waitMs)}, attempt ${attempt} failed: ${reason}`;
}

/** `command qemu-img create -q disk.qcow2: exit code 0 in 30 ms` */
export function commandLine({ program, args, durationMs, exitCode, signal, failure }: EndedCommand): string {
  const end = exitCode === null ? `ended by ${signal ?? 'an unknown signal'}` : `exit code ${exitCode}`;
  const words = [program, ...args].map(shellWord).join(' ');
  return `command ${words}: ${failure === undefined ? end : `not started: ${failure}`} in ${milliseconds(durationMs)}`;
}

/** The last part of a path: the file name. */
export function fileIn(pathname: string): string {
  return pathname.slice(pathname.lastIndexOf('/') + 1);
}

function milliseconds(value: number): string {
  return value < 10_000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`;
}
