#!/bin/bash
# Four shares of the VMs in vms.txt with GNU parallel, two at a time, here or on the hosts in HOSTS ("host1,host2"). See docs/fleet.md.
set -euo pipefail

: "${HYPER2KVM_URL:?}" "${HYPER2KVM_USERNAME:?}"
shards=${SHARDS:-4}
vms=${VMS:-vms.txt} output=${OUTPUT:-/srv/vms} log=${JOBLOG:-hyper2kvm.joblog}
password_file=${PASSWORD_FILE:-$HOME/.config/hyper2kvm/password}

hosts=()
if [ -n "${HOSTS:-}" ]; then hosts=(--sshlogin "$HOSTS" --env HYPER2KVM_URL --env HYPER2KVM_USERNAME --workdir .); fi

# TERM and five minutes before KILL, since a share that is stopped still ends leases and removes snapshots.
exec parallel --jobs 2 --joblog "$log" --retries 3 --tag --line-buffer --termseq TERM,300000,KILL,25 "${hosts[@]}" \
  hyper2kvm export --from-file "$vms" --shard "{}/$shards" --skip-existing --parallel-vms 2 \
  --snapshot --output "$output" --password-file "$password_file" \
  ::: $(seq 0 $((shards - 1)))
