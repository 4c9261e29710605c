"""Calls the methods of the NFC service with pyvmomi, which knows their result but not the methods themselves.

Usage: pyvmomi_nfc.py URL USER PASSWORD VM
Prints one JSON document: the reference of the service, its version, the ticket, and the fault of an unknown VM.
"""

import json
import ssl
import sys
import urllib.parse

from pyVim.connect import Disconnect, SmartConnect
from pyVmomi import VmomiSupport, vim, vmodl

VERSION = 'vim.version.version1'
OPTIONAL = VmomiSupport.F_OPTIONAL


def declare():
    """Adds the types that are not in the API reference."""
    vm = ('vm', 'vim.VirtualMachine', VERSION, 0, None)
    host = ('hostForAccess', 'vim.HostSystem', VERSION, OPTIONAL, None)
    content = 'vim.InternalServiceInstanceContent'
    VmomiSupport.CreateManagedType('vim.AgentManager', 'AgentManager', 'vmodl.ManagedObject', VERSION, None, None)
    VmomiSupport.CreateManagedType(
        'vim.NfcService', 'NfcService', 'vmodl.ManagedObject', VERSION, None,
        [
            ('getServerNfcLibVersion', 'NfcGetServerNfcLibVersion', VERSION, (host,), (0, 'int', 'int'), None, None),
            ('getVmFiles', 'NfcGetVmFiles', VERSION, (vm,),
             (0, 'vim.HostServiceTicket', 'vim.HostServiceTicket'), None, None),
        ])
    VmomiSupport.CreateDataType(
        content, 'InternalServiceInstanceContent', 'vmodl.DynamicData', VERSION,
        [('agentManager', 'vim.AgentManager', VERSION, 0), ('nfcService', 'vim.NfcService', VERSION, 0)])
    VmomiSupport.CreateManagedType(
        'vim.InternalServiceInstance', 'InternalServiceInstance', 'vmodl.ManagedObject', VERSION, None,
        [('retrieveInternalContent', 'RetrieveInternalContent', VERSION, (), (0, content, content), None, None)])
    # It is the same object as the service instance, with another method.
    vim.InternalServiceInstance._wsdlName = 'ServiceInstance'


def main():
    url, user, password, name = sys.argv[1:]
    parts = urllib.parse.urlsplit(url)
    # The test makes its own certificates; trust is tested elsewhere.
    context = ssl._create_unverified_context()
    instance = SmartConnect(host=parts.hostname, port=parts.port, user=user, pwd=password, sslContext=context)
    try:
        declare()
        internal = vim.InternalServiceInstance('ServiceInstance', instance._stub)
        service = internal.RetrieveInternalContent().nfcService
        content = instance.RetrieveContent()
        view = content.viewManager.CreateContainerView(content.rootFolder, [vim.VirtualMachine], True)
        vm = [each for each in view.view if each.name == name][0]
        ticket = service.NfcGetVmFiles(vm)
        try:
            service.NfcGetVmFiles(vim.VirtualMachine('vm-4711', instance._stub))
            fault = None
        except vmodl.MethodFault as error:
            fault = type(error).__name__
        print(json.dumps({
            'service': service._moId,
            'version': service.NfcGetServerNfcLibVersion(),
            'ticket': {
                field: getattr(ticket, field)
                for field in ['host', 'port', 'sslThumbprint', 'service', 'serviceVersion', 'sessionId']
            },
            'fault': fault,
        }))
    finally:
        Disconnect(instance)


if __name__ == '__main__':
    main()
