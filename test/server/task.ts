import { faultOf, VimFault } from './fault.ts';
import { ManagedObject } from './managed-object.ts';
import type { Entity } from './entity.ts';
import type { Service } from './service.ts';
import { arrayOf, data, enumOf, MoRef, type Fields, type Value } from './value.ts';

/** A task of the server. It starts in state running and ends with a result or an error. */
export class Task extends ManagedObject {
  readonly #method: string;
  readonly #entity: Entity;
  readonly #userName: string;
  readonly #startTime: Date;
  #completeTime: Date | undefined;
  #state: 'running' | 'success' | 'error' = 'running';
  #result: Value;
  #error: VimFault | undefined;

  constructor(ref: MoRef, method: string, entity: Entity, userName: string, startTime: Date) {
    super(ref);
    this.#method = method;
    this.#entity = entity;
    this.#userName = userName;
    this.#startTime = startTime;
  }

  succeed(result: Value, at: Date): void {
    this.#state = 'success';
    this.#result = result;
    this.#completeTime = at;
  }

  fail(error: VimFault, at: Date): void {
    this.#state = 'error';
    this.#error = error;
    this.#completeTime = at;
  }

  properties(): Fields {
    return {
      value: arrayOf('CustomFieldValue', []),
      availableField: arrayOf('CustomFieldDef', []),
      info: data('TaskInfo', {
        key: this.ref.value,
        task: this.ref,
        name: this.#method,
        descriptionId: `VirtualMachine.${this.#method.replace(/_Task$/, '')}`,
        entity: this.#entity.ref,
        entityName: this.#entity.name,
        state: enumOf('TaskInfoState', this.#state),
        cancelled: false,
        cancelable: false,
        error: this.#error?.toLocalized(),
        result: this.#result,
        progress: this.#state === 'running' ? 10 : undefined,
        reason: data('TaskReasonUser', { userName: this.#userName }),
        queueTime: this.#startTime,
        startTime: this.#startTime,
        completeTime: this.#completeTime,
        eventChainId: 1,
      }),
    };
  }
}

/** Starts a task that does its work after the configured delay. A `VimFault` thrown by `work` becomes the task's error. */
export function startTask(
  service: Service,
  about: { method: string; entity: Entity; userName: string },
  work: () => Value | Promise<Value>,
): MoRef {
  const ref = new MoRef('Task', `task-${service.objects.nextId()}`);
  const task = service.objects.add(new Task(ref, about.method, about.entity, about.userName, service.now()));
  const fault = service.faults.take('task', [about.method, about.entity.displayName]);
  const finish = async (): Promise<void> => {
    try {
      if (fault?.action === 'fail') throw new VimFault(fault.fault, fault.message ?? faultOf(fault.fault).message);
      task.succeed(await work(), service.now());
    } catch (error) {
      if (!(error instanceof VimFault)) throw error;
      task.fail(error, service.now());
    }
    if (fault?.action === 'vanish') service.objects.remove(ref);
    service.objects.changed();
  };
  setTimeout(() => {
    void (fault?.action === 'hold' ? fault.until.then(finish) : finish());
  }, service.options.taskMs).unref();
  return ref;
}
