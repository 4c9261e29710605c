#!/bin/bash
#SBATCH --job-name=hyper2kvm
#SBATCH --array=0-3
#SBATCH --cpus-per-task=2
#SBATCH --mem=2G
#SBATCH --time=2-00:00:00
#SBATCH --output=hyper2kvm-%A-%a.log
#SBATCH --requeue
# SIGTERM five minutes before the time is up: leases are ended and snapshots removed.
#SBATCH --signal=TERM@300
set -euo pipefail

# The same as tasks in --array. With it one task can be submitted again alone: sbatch --array=2 slurm-array.sh
export HYPER2KVM_SHARD_COUNT=4
: "${HYPER2KVM_URL:?}" "${HYPER2KVM_USERNAME:?}"
vms=${VMS:-vms.txt} output=${OUTPUT:-/srv/vms} password_file=${PASSWORD_FILE:-$HOME/.config/hyper2kvm/password}

# exec, or srun: the signal has to reach the program and not only this shell.
exec hyper2kvm export --from-file "$vms" --shard auto --skip-existing --parallel-vms 2 \
  --snapshot --output "$output" --password-file "$password_file"
