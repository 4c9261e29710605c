import { PlainObject } from './managed-object.ts';
import type { Service } from './service.ts';
import { arrayOf, data, MoRef, refs, type DataObject, type Fields } from './value.ts';

/** Names of the managers on a vCenter and on an ESXi host. They differ, so clients must not hard-code them. */
const MANAGERS = {
  propertyCollector: { type: 'PropertyCollector', vc: 'propertyCollector', host: 'ha-property-collector' },
  viewManager: { type: 'ViewManager', vc: 'ViewManager', host: 'ViewManager' },
  sessionManager: { type: 'SessionManager', vc: 'SessionManager', host: 'ha-sessionmgr' },
  authorizationManager: { type: 'AuthorizationManager', vc: 'AuthorizationManager', host: 'ha-authmgr' },
  taskManager: { type: 'TaskManager', vc: 'TaskManager', host: 'ha-taskmgr' },
  searchIndex: { type: 'SearchIndex', vc: 'SearchIndex', host: 'ha-searchindex' },
  ovfManager: { type: 'OvfManager', vc: 'OvfManager', host: 'ha-ovf-manager' },
} as const;

export type ManagerName = keyof typeof MANAGERS;

const MANAGER_NAMES = Object.keys(MANAGERS).filter((name): name is ManagerName => name in MANAGERS);

export const SERVICE_INSTANCE = new MoRef('ServiceInstance', 'ServiceInstance');

export function managerRef(name: ManagerName, apiType: 'VirtualCenter' | 'HostAgent'): MoRef {
  const manager = MANAGERS[name];
  return new MoRef(manager.type, apiType === 'HostAgent' ? manager.host : manager.vc);
}

/** Registers the service instance and the managers. */
export function addManagers(service: Service): void {
  const { apiType } = service.options;
  const own: Partial<Record<ManagerName, () => Fields>> = {
    sessionManager: () => ({
      sessionList: arrayOf(
        'UserSession',
        service.sessions.authenticated().map((session) => session.toDataObject()),
      ),
      currentSession: undefined,
      message: '',
      defaultLocale: 'en',
    }),
    taskManager: () => ({ recentTask: refs([]), maxCollector: 1000 }),
    viewManager: () => ({ viewList: refs([]) }),
    propertyCollector: () => ({ filter: refs([]) }),
    ovfManager: () => ({ ovfImportOption: arrayOf('OvfOptionInfo', []), ovfExportOption: exportOptions() }),
  };
  for (const name of MANAGER_NAMES) {
    service.objects.add(new PlainObject(managerRef(name, apiType), own[name]));
  }
  if (service.nfc !== undefined) {
    const name = apiType === 'HostAgent' ? 'ha-nfc-service' : 'nfcService';
    service.objects.add(new PlainObject(new MoRef('NfcService', name)));
  }
  const serverFields = () => ({ serverClock: service.now(), content: serviceContent(service) });
  service.objects.add(new PlainObject(SERVICE_INSTANCE, serverFields));
}

export function serviceContent(service: Service): DataObject {
  const ref = (name: ManagerName) => managerRef(name, service.options.apiType);
  return data('ServiceContent', {
    rootFolder: service.inventory.root.ref,
    propertyCollector: ref('propertyCollector'),
    viewManager: ref('viewManager'),
    about: about(service),
    sessionManager: ref('sessionManager'),
    authorizationManager: ref('authorizationManager'),
    taskManager: ref('taskManager'),
    searchIndex: ref('searchIndex'),
    ovfManager: ref('ovfManager'),
  });
}

function about(service: Service): DataObject {
  const hostAgent = service.options.apiType === 'HostAgent';
  const version = service.options.versions[0]?.split('.').slice(0, 3).join('.') ?? '';
  const product = hostAgent ? 'VMware ESXi' : 'VMware vCenter Server';
  return data('AboutInfo', {
    name: product,
    fullName: `${product} ${version} build-1 (hyper2kvm test server)`,
    vendor: 'VMware, Inc.',
    version,
    build: '1',
    localeVersion: 'INTL',
    localeBuild: '000',
    osType: hostAgent ? 'vmnix-x86' : 'linux-x64',
    productLineId: hostAgent ? 'embeddedEsx' : 'vpx',
    apiType: service.options.apiType,
    apiVersion: service.options.versions[0] ?? '',
    instanceUuid: hostAgent ? undefined : '4f0c9d5e-7b39-4a55-9d5b-0e3d4a7c1b11',
    licenseProductName: hostAgent ? 'VMware ESX Server' : 'VMware VirtualCenter Server',
    licenseProductVersion: '8.0',
  });
}

/** The `exportOption` values that `CreateDescriptor` accepts. */
function exportOptions() {
  return arrayOf(
    'OvfOptionInfo',
    ['mac', 'uuid', 'extraconfig', 'nodevicesubtypes'].map((option) => {
      const description = data('LocalizableMessage', { key: option, message: option });
      return data('OvfOptionInfo', { option, description });
    }),
  );
}
