import { faultOf } from './fault.ts';
import { serviceContent } from './service-content.ts';
import type { Service } from './service.ts';
import type { SoapMethod } from './soap-call.ts';
import { arrayOf, data, strings } from './value.ts';

/** Methods of the service instance, of sessions and of privileges. */
export const SESSION_METHODS = {
  RetrieveServiceContent: ({ service }) => serviceContent(service),

  CurrentTime: ({ service }) => service.now(),

  Login({ service, session, args }) {
    const { username, password } = service.options.credentials;
    if (args.string('userName') !== username || args.string('password') !== password) throw faultOf('InvalidLogin');
    session.userName = username;
    session.loginTime = service.now();
    return session.toDataObject();
  },

  Logout({ service, session }) {
    service.sessions.end(session);
    return undefined;
  },

  SessionIsActive: ({ service, args }) =>
    service.sessions
      .authenticated()
      .some((each) => each.key === args.string('sessionID') && each.userName === args.string('userName')),

  TerminateSession({ service, args }) {
    const keys = args.strings('sessionId');
    for (const session of service.sessions.authenticated())
      if (keys.includes(session.key)) service.sessions.end(session);
    return undefined;
  },

  HasPrivilegeOnEntity({ service, args }) {
    requirePrivilegeChecks(service);
    return arrayOf(
      'boolean',
      args.strings('privId').map((privilege) => !service.options.missingPrivileges.includes(privilege)),
    );
  },

  HasPrivilegeOnEntities({ service, args }) {
    requirePrivilegeChecks(service);
    return arrayOf(
      'EntityPrivilege',
      args.refs('entity').map((entity) => {
        const rows = args
          .strings('privId')
          .map((privId) =>
            data('PrivilegeAvailability', { privId, isGranted: !service.options.missingPrivileges.includes(privId) }),
          );
        return data('EntityPrivilege', { entity, privAvailability: arrayOf('PrivilegeAvailability', rows) });
      }),
    );
  },

  FetchUserPrivilegeOnEntities({ service, args }) {
    requirePrivilegeChecks(service);
    return arrayOf(
      'UserPrivilegeResult',
      args.refs('entities').map((entity) => {
        const granted = KNOWN_PRIVILEGES.filter((privilege) => !service.options.missingPrivileges.includes(privilege));
        return data('UserPrivilegeResult', { entity, privileges: strings(granted) });
      }),
    );
  },
} satisfies Record<string, SoapMethod>;

function requirePrivilegeChecks(service: Service): void {
  if (!service.options.privilegeChecks) throw faultOf('NotSupported');
}

/** The privileges that are relevant for an export. */
const KNOWN_PRIVILEGES = [
  'System.Anonymous',
  'System.Read',
  'System.View',
  'VApp.Export',
  'VirtualMachine.Config.AddRemoveDevice',
  'VirtualMachine.Config.ChangeTracking',
  'VirtualMachine.Interact.PowerOff',
  'VirtualMachine.Interact.PowerOn',
  'VirtualMachine.Provisioning.DiskRandomRead',
  'VirtualMachine.Provisioning.GetVmFiles',
  'VirtualMachine.State.CreateSnapshot',
  'VirtualMachine.State.RemoveSnapshot',
  'VirtualMachine.State.RevertToSnapshot',
] as const;
