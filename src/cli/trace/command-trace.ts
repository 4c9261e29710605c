import { observeCommands, type EndedCommand } from '../../base/process/observe-commands.ts';
import type { WireObserver } from '../../vsphere/connection/wire-observer.ts';
import { callLine, commandLine, downloadLine, nfcLine, retryLine } from './debug-lines.ts';
import type { TraceFolder, TraceFolderOptions } from './trace-folder.ts';

export interface CommandTraceOptions extends Omit<TraceFolderOptions, 'parent'> {
  /** The value of `--debug`. `HYPER2KVM_DEBUG` has the same effect. */
  debug: boolean;
  env: NodeJS.ProcessEnv;
  /** Prints a line. */
  debugLine: (line: string) => void;
}

/** True when `HYPER2KVM_DEBUG` enables debug output. */
export function isDebugging(env: NodeJS.ProcessEnv): boolean {
  return !['', '0', undefined].includes(env['HYPER2KVM_DEBUG']);
}

/** The observers of one command: lines for `--debug`, a folder for `HYPER2KVM_TRACE`. Without either, nothing is observed. */
export class CommandTrace {
  #observer: WireObserver | undefined;
  #folder: TraceFolder | undefined;
  #stopCommands = (): void => {};

  /** The observer for the connection to a server. */
  get observer(): WireObserver | undefined {
    return this.#observer;
  }

  /** @throws Hyper2kvmError `local-file` when the folder cannot be created. */
  async open(options: CommandTraceOptions): Promise<void> {
    const { debug, env, debugLine } = options;
    const parent = env['HYPER2KVM_TRACE'];
    const show = debug || isDebugging(env) ? debugLine : undefined;
    if (this.#observer !== undefined || (show === undefined && !parent)) return;
    if (parent) {
      const { TraceFolder: Folder } = await import('./trace-folder.ts');
      this.#folder = await Folder.make({ ...options, parent });
    }
    const folder = this.#folder;
    this.#observer = {
      mask: options.mask,
      onCall(call) {
        show?.(callLine(call));
        folder?.onCall(call);
      },
      onDownload(download) {
        show?.(downloadLine(download));
        folder?.onDownload(download);
      },
      onNfc(connection) {
        show?.(nfcLine(connection));
        folder?.onNfc(connection);
      },
      onRetry(retry) {
        show?.(retryLine(retry));
        folder?.onRetry(retry);
      },
    };
    this.#stopCommands = observeCommands((command: EndedCommand) => {
      show?.(commandLine(command));
      folder?.onCommand(command);
    });
  }

  /** Ends the trace. Returns its location; undefined without a trace. */
  close(exitCode: number): string | undefined {
    this.#stopCommands();
    this.#folder?.close(exitCode);
    return this.#folder?.path;
  }
}
