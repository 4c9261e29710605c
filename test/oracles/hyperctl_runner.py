"""Drives hyperctl by the runner of the PyPI package hyper2kvm, and prints what that saw as JSON.

    hyperctl_runner.py HYPERCTL OUTPUT SCENARIO VM...

Scenarios: status, export (export_vm with a progress callback), together (all VMs side by side), each (submit, then wait).
"""

import json
import sys
import threading

from hyper2kvm.vmware.transports.hyperctl_common import HyperCtlRunner

POLL_SECONDS = 1


def seen_by(work):
    """What a call returned, or the message that it raised."""
    try:
        return {"returned": work()}
    except Exception as error:
        return {"raised": getattr(error, "msg", None) or str(error)}


def wait(runner, job, progress):
    return runner.wait_for_job_completion(
        job, poll_interval=POLL_SECONDS, timeout=200, progress_callback=progress.append
    )


def submit_and_wait(runner, vm, output):
    progress = []
    submitted = seen_by(lambda: runner.submit_export_job(vm, f"{output}/{vm.split('/')[-1]}"))
    job = submitted.get("returned")
    if job is None:
        return {"vm": vm, "submitted": submitted}
    print(json.dumps({"job": job}), file=sys.stderr, flush=True)
    ended = seen_by(lambda: wait(runner, job, progress))
    return {"vm": vm, "job": job, "progress": progress, "ended": ended, "query": runner.query_job(job)}


def together(runner, vms, output):
    results = {}

    def run(vm):
        results[vm] = submit_and_wait(runner, vm, output)

    threads = [threading.Thread(target=run, args=(vm,)) for vm in vms]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [results[vm] for vm in vms]


def main():
    hyperctl, output, scenario, *vms = sys.argv[1:]
    runner = HyperCtlRunner(hyperctl_path=hyperctl, timeout=120)
    progress = []
    scenarios = {
        "status": lambda: seen_by(runner.check_daemon_status),
        "export": lambda: seen_by(
            lambda: runner.export_vm(vms[0], output, progress_callback=progress.append)
        )
        | {"progress": progress},
        "each": lambda: [submit_and_wait(runner, vm, output) for vm in vms],
        "together": lambda: together(runner, vms, output),
    }
    print(json.dumps(scenarios[scenario]()))


main()
