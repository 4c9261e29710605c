/** The text that `hyperctl` shows without a command, with an unknown command, or with `help`. */
export const HELP = `hyperctl: exports VMs in the background, without a daemon (part of hyper2kvm)

  hyperctl submit -vm PATH [-output DIR] [-file JOB]   start an export; prints its job id
  hyperctl query [-all] [-id ID[,ID]] [-status S[,S]]  show the state of jobs
  hyperctl cancel -id ID[,ID]                          cancel jobs and clean up on the server
  hyperctl status                                      show whether it works, and the number of jobs
  hyperctl list [-json] [-filter TEXT]                 list the VMs of the server
  hyperctl vm -op OPERATION -path PATH                 info, shutdown, poweroff or remove-cdrom
              [-timeout SECONDS]                       how long a shutdown may take, 300 by default
  hyperctl -version

The server is read from HYPER2KVM_URL, HYPER2KVM_USERNAME and HYPER2KVM_PASSWORD, or from GOVC_URL and so on.
`;
