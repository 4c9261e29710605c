import { faultOf, VimFault } from './fault.ts';
import { HttpNfcLease } from './http-nfc-lease.ts';
import { PlainObject, type ManagedObject } from './managed-object.ts';
import { objectContent, PropertyCollector } from './property-collector.ts';
import { valueAt } from './property-path.ts';
import { selectProperties, type SelectedObject } from './property-selection.ts';
import type { RequestObject } from './request-arguments.ts';
import { noPermission, type SoapCall, type SoapMethod } from './soap-call.ts';
import { arrayOf, MoRef, refs, strings, type DataObject, type Fields } from './value.ts';
import { VirtualMachine } from './virtual-machine.ts';

/** A collector that a client created in addition to its session's default one. */
class CollectorObject extends PlainObject {
  readonly collector = new PropertyCollector();
}

/** A filter. Clients destroy it by a call on the filter itself. */
class FilterObject extends PlainObject {
  readonly collector: PropertyCollector;

  constructor(ref: MoRef, collector: PropertyCollector) {
    super(ref);
    this.collector = collector;
  }
}

/** Maximum duration of a wait for which the client sets no limit. */
const MAX_WAIT_SECONDS = 600;

/** Methods of the property collector and of views. */
export const PROPERTY_METHODS = {
  RetrieveProperties: (call) => arrayOf('ObjectContent', select(call, call.args.objects('specSet')).map(objectContent)),

  RetrievePropertiesEx(call) {
    const selected = select(call, call.args.objects('specSet'));
    return collectorOf(call).page(selected, pageSize(call, call.args.objects('options')[0]?.number('maxObjects')));
  },

  ContinueRetrievePropertiesEx(call) {
    if (call.service.options.pagingDenied) throw noPermission(call.service.inventory.root.ref, 'System.View');
    const collector = collectorOf(call);
    return collector.page(collector.takeRest(call.args.string('token')), pageSize(call, undefined));
  },

  CancelRetrievePropertiesEx(call) {
    collectorOf(call).takeRest(call.args.string('token'));
    return undefined;
  },

  Fetch: (call) => valueAt(call.target.ref.type, propertiesFor(call, call.target), call.args.string('prop')),

  CreatePropertyCollector({ service, session }) {
    const ref = new MoRef('PropertyCollector', `session[${session.key}]${service.objects.nextId()}`);
    const made = service.objects.add(new CollectorObject(ref, () => ({ filter: refs([]) })));
    session.ended.addEventListener('abort', () => {
      made.collector.close();
      service.objects.remove(ref);
    });
    return ref;
  },

  DestroyPropertyCollector(call) {
    collectorOf(call).close();
    call.service.objects.remove(call.target.ref);
    return undefined;
  },

  CreateFilter(call) {
    const { service, session, args } = call;
    const collector = collectorOf(call);
    const spec = args.objects('spec')[0];
    if (spec === undefined) throw new VimFault('InvalidArgument', 'A specified parameter was not correct: spec');
    select(call, [spec]);
    const ref = new MoRef('PropertyFilter', `session[${session.key}]${service.objects.nextId()}`);
    collector.filters.set(ref.value, { ref, spec });
    return service.objects.add(new FilterObject(ref, collector)).ref;
  },

  DestroyPropertyFilter({ service, target }) {
    if (target instanceof FilterObject) target.collector.filters.delete(target.ref.value);
    service.objects.remove(target.ref);
    return undefined;
  },

  async WaitForUpdatesEx(call) {
    const options = call.args.objects('options')[0];
    const limit = options?.number('maxObjectUpdates') ?? call.service.options.pageSize;
    return waitForUpdates(call, limit, options?.number('maxWaitSeconds') ?? MAX_WAIT_SECONDS);
  },

  /** Deprecated, but pyvmomi waits for tasks with it. */
  WaitForUpdates: (call) => waitForUpdates(call, Infinity, MAX_WAIT_SECONDS),

  CancelWaitForUpdates(call) {
    collectorOf(call).cancel();
    return undefined;
  },

  CreateContainerView({ service, session, args }) {
    const container = args.ref('container');
    const types = args.strings('type');
    const recursive = args.boolean('recursive');
    service.objects.get(container);
    const ref = new MoRef('ContainerView', `session[${session.key}]${service.objects.nextId()}`);
    const fields = () => ({
      view: refs(service.inventory.viewOf(container, types, recursive)),
      container,
      type: strings(types),
      recursive,
    });
    session.ended.addEventListener('abort', () => service.objects.remove(ref));
    return service.objects.add(new PlainObject(ref, fields)).ref;
  },

  DestroyView({ service, target }) {
    service.objects.remove(target.ref);
    return undefined;
  },
} satisfies Record<string, SoapMethod>;

/** Waits until something changes after the client's version. Returns undefined at the end of the time. */
async function waitForUpdates(call: SoapCall, limit: number, seconds: number): Promise<DataObject | undefined> {
  const { args, service, hungUp } = call;
  const collector = collectorOf(call);
  const { cancelled, closed } = collector;
  const deadline = AbortSignal.timeout(seconds * 1000);
  const over = AbortSignal.any([deadline, cancelled, closed, hungUp]);
  for (;;) {
    // An object that is removed after the filter was created leaves the filter's set.
    const updates = collector.updates(args.string('version'), limit, (spec) => select(call, [spec], true));
    if (updates !== undefined || seconds === 0) return updates;
    await service.objects.nextChange(over);
    if (cancelled.aborted) throw new VimFault('RequestCanceled', 'The request was canceled by a client.');
    if (closed.aborted) throw faultOf('NotAuthenticated');
    if (over.aborted) return undefined;
  }
}

/** Whether the specs read only what is readable without a login: enough to find out whether a login is needed. */
export function readsOnlySessionState(specs: readonly RequestObject[]): boolean {
  return specs.every((spec) => spec.objects('objectSet').every((object) => OPEN_TYPES.has(object.ref('obj').type)));
}

const OPEN_TYPES = new Set(['SessionManager', 'ServiceInstance']);

function collectorOf({ target, session, service }: SoapCall): PropertyCollector {
  if (target instanceof CollectorObject) return target.collector;
  if (service.isDefaultCollector(target.ref)) return session.collector;
  throw faultOf('NotSupported');
}

function select(call: SoapCall, specs: readonly RequestObject[], skipsMissing = false): SelectedObject[] {
  const { service, session } = call;
  const loggedIn = session.userName !== undefined;
  if (!loggedIn && service.options.propertiesWithoutSession === 'nothing' && !readsOnlySessionState(specs)) return [];
  return selectProperties(service.objects, specs, {
    refusal: loggedIn ? refusalByRole : refusalWithoutLogin,
    propertiesOf: (object) => propertiesFor(call, object),
    // The views of an ended session no longer exist. A server that shows nothing without a login does not report them as missing.
    skipsMissing: skipsMissing || !loggedIn,
  });
}

/** Properties that `System.View` allows to read. */
const VIEWABLE = new Set(['name', 'parent']);

function refusalByRole(object: ManagedObject, path: string): VimFault | undefined {
  const hidden = object instanceof VirtualMachine && object.options.unreadable === true;
  return hidden && !VIEWABLE.has(path) ? noPermission(object.ref, 'System.Read') : undefined;
}

function refusalWithoutLogin({ ref }: ManagedObject): VimFault | undefined {
  return OPEN_TYPES.has(ref.type)
    ? undefined
    : faultOf('NotAuthenticated', { object: ref, privilegeId: 'System.View' });
}

/** Returns the properties of an object. The session manager shows each client its own session. */
function propertiesFor({ session, version }: SoapCall, object: ManagedObject): Fields {
  if (object instanceof HttpNfcLease) return object.propertiesAt(version);
  if (object.ref.type !== 'SessionManager') return object.properties();
  const currentSession = session.userName === undefined ? undefined : session.toDataObject();
  return { ...object.properties(), currentSession };
}

function pageSize({ service }: SoapCall, asked: number | undefined): number {
  return Math.min(service.options.pageSize, asked === undefined || asked <= 0 ? Infinity : asked);
}
