import { once } from 'node:events';
import { createServer, request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import type { ServerCertificate } from '../../server/certificate.ts';

/** A SOAP call that the proxy forwarded. */
export interface RecordedCall {
  method: string;
  /** The object of the call. */
  target: string;
  /** The reference in the answer, if the answer is one. */
  answered: string | undefined;
}

/** Forwards requests to a server unchanged and records them. */
export interface RecordingProxy extends AsyncDisposable {
  readonly url: URL;
  readonly calls: readonly RecordedCall[];
  /** Paths of the GET requests for files, and whether they had a cookie. */
  readonly downloads: readonly { path: string; cookie: boolean }[];
}

export async function startRecordingProxy(
  server: URL,
  { certificatePem, keyPem }: ServerCertificate,
): Promise<RecordingProxy> {
  const calls: RecordedCall[] = [];
  const downloads: { path: string; cookie: boolean }[] = [];
  const proxy = createServer({ cert: certificatePem, key: keyPem }, (request, response) => {
    const { method = 'GET', url = '/', headers } = request;
    if (url.startsWith('/nfc/')) downloads.push({ path: url, cookie: headers.cookie !== undefined });
    const onward = httpsRequest(new URL(url, server), { method, headers, rejectUnauthorized: false });
    onward.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      pipeline(answer, response).catch(() => response.destroy());
      if (method === 'POST')
        void Promise.all([sent, text(answer)]).then(([asked, said]) => calls.push(recorded(asked, said)));
    });
    onward.on('error', () => response.destroy());
    const sent = text(request);
    request.pipe(onward);
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const { port } = proxy.address() as AddressInfo;
  return {
    url: new URL(`https://127.0.0.1:${port}/sdk`),
    calls,
    downloads,
    async [Symbol.asyncDispose]() {
      proxy.closeAllConnections();
      proxy.close();
      await once(proxy, 'close');
    },
  };
}

function recorded(asked: string, said: string): RecordedCall {
  const [, method = '', target = ''] =
    /<(?:\w+:)?Body><(\w+)[^>]*><_this[^>]*>([^<]*)</.exec(asked.replace(/<soapenv:/g, '<')) ?? [];
  return { method, target, answered: /<returnval [^>]*>([^<]+)<\/returnval>/.exec(said)?.[1] };
}
