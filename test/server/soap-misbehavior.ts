import type { IncomingMessage, ServerResponse } from 'node:http';
import { faultOf, VimFault } from './fault.ts';
import type { HttpsEndpoint } from './https-endpoint.ts';
import type { SoapFault } from './scripted-faults.ts';
import type { Service } from './service.ts';

/** The call that fails, and what is needed to execute it. */
interface Scene {
  service: Service;
  https: HttpsEndpoint;
  request: IncomingMessage;
  response: ServerResponse;
  /** Aborts when the client disconnects. */
  hungUp: AbortSignal;
}

/** Executes the scripted fault in place of an answer. */
export async function misbehave(fault: SoapFault, scene: Scene): Promise<'over' | 'goes on' | 'answer is lost'> {
  const { service, response } = scene;
  switch (fault.action) {
    case 'soap-fault': {
      const cause = fault.cause === undefined ? undefined : new VimFault(fault.cause.type, fault.cause.message);
      throw new VimFault(fault.fault, fault.message ?? faultOf(fault.fault).message, {}, cause);
    }
    case 'session-expired':
      service.sessions.endAll();
      return 'goes on';
    case 'lose-answer':
      return 'answer is lost';
    case 'delay':
      await Promise.race([untilAborted(AbortSignal.timeout(fault.ms)), untilAborted(scene.hungUp)]);
      return 'goes on';
    case 'hold':
      await Promise.race([fault.until, untilAborted(scene.hungUp)]);
      return 'goes on';
    case 'status':
      response.writeHead(fault.status).end();
      break;
    case 'empty':
      response.writeHead(200).end();
      break;
    case 'reset':
      scene.https.reset(scene.request);
      break;
    case 'stall':
      await untilAborted(scene.hungUp);
      break;
    case 'go-away':
      service.goAway();
      break;
  }
  return 'over';
}

async function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => resolve(), { once: true });
  await promise;
}
