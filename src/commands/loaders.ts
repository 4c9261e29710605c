/** The commands by name. Each file is loaded when its command runs, so that a command does not load the dependencies of the others. */
export const COMMAND_LOADERS = {
  'boot-test': async () => (await import('./boot-test.ts')).BootTestCommand,
  cancel: async () => (await import('./cancel.ts')).CancelCommand,
  check: async () => (await import('./status/check.ts')).CheckCommand,
  completion: async () => (await import('./completion.ts')).CompletionCommand,
  convert: async () => (await import('./convert.ts')).ConvertCommand,
  cutover: async () => (await import('./cutover.ts')).CutoverCommand,
  export: async () => (await import('./export.ts')).ExportCommand,
  hyperctl: async () => (await import('./hyperctl/hyperctl-command.ts')).HyperctlCommand,
  info: async () => (await import('./images/info.ts')).InfoCommand,
  jobs: async () => (await import('./status/jobs.ts')).JobsCommand,
  list: async () => (await import('./list.ts')).ListCommand,
  status: async () => (await import('./status.ts')).StatusCommand,
  sync: async () => (await import('./sync.ts')).SyncCommand,
  verify: async () => (await import('./images/verify.ts')).VerifyCommand,
};

/** Requests by shells during completion. They run without oclif, because each press of TAB waits for them. */
export const QUICK_ANSWERS = {
  __complete: async (words: readonly string[]) => (await import('./known-names.ts')).printKnownNames(words),
};
