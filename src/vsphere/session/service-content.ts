import { Hyper2kvmError } from '../../base/errors.ts';
import { foreignText } from '../../base/text/foreign-text.ts';
import { refOf } from '../soap/soap-envelope.ts';
import type { MoRef } from '../soap/wsdl-types.ts';
import type { XmlElement } from '../soap/xml-element.ts';

/** The server's description of itself and the references of its managers. Never hard-code them: those of ESXi differ from vCenter's. */
export interface ServiceContent {
  about: {
    fullName: string;
    version: string;
    build: string;
    apiVersion: string;
    /** `VirtualCenter`, or `HostAgent` for a standalone ESXi host. */
    apiType: string;
    instanceUuid: string;
  };
  rootFolder: MoRef;
  propertyCollector: MoRef;
  sessionManager: MoRef;
  viewManager: MoRef;
  searchIndex: MoRef;
  /** Not every server offers these two. */
  ovfManager: MoRef | undefined;
  authorizationManager: MoRef | undefined;
}

/** Product names and versions have about 60 characters. */
const MOST_OF_FACT = 200;

export function decodeServiceContent(content: XmlElement, server: string): ServiceContent {
  const manager = (name: string): MoRef => {
    const ref = refOf(content.find(name));
    if (!ref)
      throw new Hyper2kvmError('transfer', `${server} returned no ${name}, so it is not a vCenter or ESXi host.`);
    return ref;
  };
  const about = (name: string) => foreignText(content.textOf(`about.${name}`) ?? '', MOST_OF_FACT);
  return {
    about: {
      fullName: about('fullName') || about('name'),
      version: about('version'),
      build: about('build'),
      apiVersion: about('apiVersion'),
      apiType: about('apiType'),
      instanceUuid: about('instanceUuid'),
    },
    rootFolder: manager('rootFolder'),
    propertyCollector: manager('propertyCollector'),
    sessionManager: manager('sessionManager'),
    viewManager: manager('viewManager'),
    searchIndex: manager('searchIndex'),
    ovfManager: refOf(content.find('ovfManager')),
    authorizationManager: refOf(content.find('authorizationManager')),
  };
}
