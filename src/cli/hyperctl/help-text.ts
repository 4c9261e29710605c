/** What `hyperctl` shows when it is called without a command, with an unknown one, or with `help`. */
export const HELP = `hyperctl: exports VMs in the background, without a daemon (part of hyper2kvm)

  hyperctl submit -vm PATH [-output DIR] [-file JOB]   start an export; prints its job id
  hyperctl query [-all] [-id ID[,ID]] [-status S[,S]]  what became of jobs
  hyperctl cancel -id ID[,ID]                          end jobs, with nothing left on the server
  hyperctl status                                      whether it runs, and how many jobs there are
  hyperctl list [-json] [-filter TEXT]                 the VMs of the server
  hyperctl vm -op OPERATION -path PATH                 info, shutdown, poweroff or remove-cdrom
              [-timeout SECONDS]                       how long a shutdown may take, 300 by default
  hyperctl -version

The server comes from HYPER2KVM_URL, HYPER2KVM_USERNAME and HYPER2KVM_PASSWORD, or GOVC_URL and so on.
`;
