import { faultOfLocalized, type VsphereFault } from '../soap/fault.ts';
import type { WsdlMethod } from '../soap/wsdl-types.ts';
import type { XmlElement } from '../soap/xml-element.ts';

/** What the response to a property read reveals about the session. */
export type SessionSign = { sign: 'alive' } | { sign: 'lost'; fault: VsphereFault } | { sign: 'unknown' };

/**
 * Property reads need no login. When the session is lost, a real server answers them with status 200. Either every
 * property is in `missingSet` with the fault `NotAuthenticated`, or the result is empty, as for a filter that selects
 * nothing.
 */
export function signOfSession(method: WsdlMethod, response: XmlElement): SessionSign {
  const objects = objectsIn(method, response);
  if (objects === undefined) return { sign: 'alive' };
  if (objects.length === 0) return { sign: 'unknown' };
  const refused = objects
    .flatMap((object) => object.all('missingSet'))
    .map((missing) => missing.find('fault'))
    .find((localized) => localized?.find('fault')?.type === 'NotAuthenticated');
  return refused === undefined ? { sign: 'alive' } : { sign: 'lost', fault: faultOfLocalized(refused, method) };
}

function objectsIn(method: WsdlMethod, response: XmlElement): XmlElement[] | undefined {
  if (method === 'RetrieveProperties') return response.all('returnval');
  if (method !== 'RetrievePropertiesEx' && method !== 'ContinueRetrievePropertiesEx') return undefined;
  return response.find('returnval')?.all('objects') ?? [];
}
