"""Holds a server to changed block tracking with pyvmomi: switches it on, and reads the changes between snapshots.

Usage: pyvmomi_changes.py URL USER PASSWORD VM ROUNDS
The first round reads what is allocated, each other round what has changed since the round before.
Prints one JSON document: the state before and after, and for each round the snapshot and the areas of each disk.
"""

import json
import ssl
import sys
import time
import urllib.parse

from pyVim.connect import Disconnect, SmartConnect
from pyVim.task import WaitForTask
from pyVmomi import vim


def main():
    url, user, password, name, rounds = sys.argv[1:]
    parts = urllib.parse.urlsplit(url)
    # The test makes its own certificates; trust is tested elsewhere.
    context = ssl._create_unverified_context()
    instance = SmartConnect(host=parts.hostname, port=parts.port, user=user, pwd=password, sslContext=context)
    try:
        content = instance.RetrieveContent()
        view = content.viewManager.CreateContainerView(content.rootFolder, [vim.VirtualMachine], True)
        vm = next(each for each in view.view if each.name == name)
        before = state_of(vm)
        WaitForTask(vm.ReconfigVM_Task(vim.vm.ConfigSpec(changeTrackingEnabled=True)))
        enabled = state_of(vm)
        ids = {}
        results = []
        for _ in range(int(rounds)):
            results.append(one_round(vm, ids))
            # The guest of the test writes meanwhile.
            time.sleep(0.3)
        print(json.dumps({'before': before, 'enabled': enabled, 'after': state_of(vm), 'rounds': results}))
    finally:
        Disconnect(instance)


def state_of(vm):
    return {
        'supported': vm.capability.changeTrackingSupported,
        'enabled': vm.config.changeTrackingEnabled,
        'consolidationNeeded': vm.runtime.consolidationNeeded,
        'ids': [disk.backing.changeId for disk in disks_of(vm.config)],
        'files': [disk.backing.fileName for disk in disks_of(vm.config)],
        'snapshots': 0 if vm.snapshot is None else len(vm.snapshot.rootSnapshotList),
    }


def disks_of(config):
    devices = [each for each in config.hardware.device if isinstance(each, vim.vm.device.VirtualDisk)]
    return sorted(devices, key=lambda each: each.key)


def one_round(vm, ids):
    """Makes a snapshot, reads the changes of its disks since `ids`, notes the new IDs, and removes the snapshot."""
    task = vm.CreateSnapshot_Task(name='round', description='', memory=False, quiesce=False)
    WaitForTask(task)
    snapshot = task.info.result
    disks = []
    for disk in disks_of(snapshot.config):
        areas, windows = changes_of(vm, snapshot, disk, ids.get(disk.key, '*'))
        ids[disk.key] = disk.backing.changeId
        disks.append({
            'key': disk.key,
            'uuid': disk.backing.uuid,
            'fileName': disk.backing.fileName,
            'parent': getattr(disk.backing.parent, 'fileName', None),
            'changeId': disk.backing.changeId,
            'windows': windows,
            'areas': areas,
        })
    WaitForTask(snapshot.RemoveSnapshot_Task(removeChildren=False, consolidate=True))
    return {'snapshot': snapshot._moId, 'disks': disks}


def changes_of(vm, snapshot, disk, change_id):
    areas = []
    windows = 0
    offset = 0
    while offset < disk.capacityInBytes:
        info = vm.QueryChangedDiskAreas(snapshot=snapshot, deviceKey=disk.key, startOffset=offset, changeId=change_id)
        if info.startOffset != offset or info.length <= 0:
            raise SystemExit(f'the window at {offset} is {info.startOffset} and {info.length}')
        areas.extend([area.start, area.length] for area in info.changedArea)
        offset += info.length
        windows += 1
    return areas, windows


if __name__ == '__main__':
    main()
