"""Holds a server to the wire with pyvmomi: logs in, lists the VMs, exports one through a lease.

Usage: pyvmomi_client.py URL USER PASSWORD VM DIR
Prints one JSON document: the VMs, the files with their sizes and SHA-256, the manifest, the descriptor's path.
"""

import hashlib
import json
import os
import ssl
import sys
import urllib.parse
import urllib.request

from pyVim.connect import Disconnect, SmartConnect
from pyVmomi import vim, vmodl


def main():
    url, user, password, name, folder = sys.argv[1:]
    parts = urllib.parse.urlsplit(url)
    # The test makes its own certificates; trust is tested elsewhere.
    context = ssl._create_unverified_context()
    instance = SmartConnect(host=parts.hostname, port=parts.port, user=user, pwd=password, sslContext=context)
    try:
        content = instance.RetrieveContent()
        vms = list_vms(content)
        found = [vm for vm in vms if vm.name == name]
        if not found:
            raise SystemExit(f'no VM {name}')
        result = export(content, found[0], parts, context, folder)
        result['vms'] = [
            {
                'name': vm.name,
                'moRef': vm._moId,
                'powerState': vm.runtime.powerState,
                'disks': disks_of(vm),
                'net': net_of(vm),
            }
            for vm in vms
        ]
        result['session'] = content.sessionManager.currentSession.userName
        print(json.dumps(result))
    finally:
        Disconnect(instance)


def list_vms(content):
    """Walks a container view with the property collector, page by page."""
    view = content.viewManager.CreateContainerView(content.rootFolder, [vim.VirtualMachine], True)
    collector = vmodl.query.PropertyCollector
    traversal = collector.TraversalSpec(name='view', type=vim.view.ContainerView, path='view', skip=False)
    spec = collector.FilterSpec(
        objectSet=[collector.ObjectSpec(obj=view, skip=True, selectSet=[traversal])],
        propSet=[collector.PropertySpec(type=vim.VirtualMachine, pathSet=['name', 'config.template'], all=False)],
    )
    page = content.propertyCollector.RetrievePropertiesEx([spec], collector.RetrieveOptions())
    vms = []
    while page is not None:
        vms.extend(each.obj for each in page.objects)
        page = content.propertyCollector.ContinueRetrievePropertiesEx(page.token) if page.token else None
    view.DestroyView()
    return vms


def disks_of(vm):
    devices = sorted(vm.config.hardware.device, key=lambda each: each.key)
    return [each.capacityInBytes for each in devices if isinstance(each, vim.vm.device.VirtualDisk)]


def net_of(vm):
    """Every address that the tools report, with its gateway, by MAC address."""
    routes = [route for stack in vm.guest.ipStack for route in stack.ipRouteConfig.ipRoute if route.prefixLength == 0]
    return [
        {
            'mac': nic.macAddress,
            'device': nic.deviceConfigId,
            'plain': list(nic.ipAddress),
            'addresses': [
                [each.ipAddress, each.prefixLength, each.origin, each.state]
                for each in (nic.ipConfig.ipAddress if nic.ipConfig else [])
            ],
            'gateways': [route.gateway.ipAddress for route in routes if route.gateway.device == str(index)],
        }
        for index, nic in enumerate(vm.guest.net)
    ]


def export(content, vm, parts, context, folder):
    lease = vm.ExportVm()
    wait_ready(content.propertyCollector, lease)
    try:
        devices = list(lease.info.deviceUrl)
        types = [vim.KeyValue(key=each.key, value='sha256') for each in devices]
        lease.HttpNfcLeaseSetManifestChecksumType(types)
        files = []
        for number, device in enumerate(devices):
            files.append(download(device, parts, context, folder))
            lease.HttpNfcLeaseProgress(100 * (number + 1) // len(devices))
        manifest = lease.HttpNfcLeaseGetManifest()
        params = vim.OvfManager.CreateDescriptorParams(
            ovfFiles=[
                vim.OvfManager.OvfFile(deviceId=each['key'], path=each['name'], size=each['size']) for each in files
            ],
            name=vm.name,
            description='exported by pyvmomi',
            includeImageFiles=False,
            exportOption=['mac'],
        )
        described = content.ovfManager.CreateDescriptor(obj=vm, cdp=params)
        if described.error:
            raise SystemExit(str(described.error))
    except BaseException:
        lease.HttpNfcLeaseAbort()
        raise
    lease.HttpNfcLeaseComplete()
    descriptor = os.path.join(folder, 'vm.ovf')
    with open(descriptor, 'w', encoding='utf-8') as file:
        file.write(described.ovfDescriptor)
    entries = [
        {'key': each.key, 'sha1': each.sha1, 'checksum': each.checksum, 'type': each.checksumType, 'size': each.size}
        for each in manifest
    ]
    return {'files': files, 'manifest': entries, 'descriptor': descriptor}


def wait_ready(property_collector, lease):
    """Waits with a filter and WaitForUpdatesEx, as the API wants it done."""
    types = vmodl.query.PropertyCollector
    spec = types.FilterSpec(
        objectSet=[types.ObjectSpec(obj=lease)],
        propSet=[types.PropertySpec(type=vim.HttpNfcLease, pathSet=['state', 'error'])],
    )
    collector = property_collector.CreatePropertyCollector()
    collector.CreateFilter(spec, partialUpdates=False)
    version = ''
    state = 'initializing'
    while state == 'initializing':
        update = collector.WaitForUpdatesEx(version, types.WaitOptions(maxWaitSeconds=10))
        if update is None:
            raise SystemExit('the lease stays initializing')
        version = update.version
        for change in update.filterSet[0].objectSet[0].changeSet:
            if change.name == 'state':
                state = change.val
    collector.DestroyPropertyCollector()
    if state != 'ready':
        raise SystemExit(f'the lease is in state {state}: {lease.error}')


def download(device, parts, context, folder):
    url = device.url.replace('*', parts.netloc)
    name = device.targetId or os.path.basename(urllib.parse.unquote(urllib.parse.urlsplit(device.url).path))
    digest = hashlib.sha256()
    size = 0
    with urllib.request.urlopen(url, context=context) as body, open(os.path.join(folder, name), 'wb') as file:
        while chunk := body.read(1 << 20):
            file.write(chunk)
            digest.update(chunk)
            size += len(chunk)
    return {'key': device.key, 'name': name, 'size': size, 'sha256': digest.hexdigest()}


if __name__ == '__main__':
    main()
