import { expect, test } from '@jest/globals';
import { Secret } from '../../../src/base/text/secret.ts';
import { VsphereFault } from '../../../src/vsphere/soap/fault.ts';
import { decodeResponse, encodeRequest, refOf } from '../../../src/vsphere/soap/soap-envelope.ts';

const sessionManager = { type: 'SessionManager', value: 'SessionManager' };

test('arguments stand in the order of the WSDL, whatever their order here', () => {
  const request = encodeRequest('Login', { password: new Secret('p'), userName: 'u', _this: sessionManager });
  expect(request).toContain(
    '<Login xmlns="urn:vim25"><_this type="SessionManager">SessionManager</_this><userName>u</userName><password>p</password></Login>',
  );
});

test('a polymorphic data object names its type', () => {
  const request = encodeRequest('RetrievePropertiesEx', {
    _this: { type: 'PropertyCollector', value: 'pc' },
    specSet: [
      {
        objectSet: [{ obj: sessionManager, selectSet: [{ path: 'view', type: 'ContainerView' }] }],
        propSet: [{ pathSet: ['a', 'b'], type: 'VirtualMachine' }],
      },
    ],
    options: {},
  });
  expect(request).toContain(
    '<specSet><propSet><type>VirtualMachine</type><pathSet>a</pathSet><pathSet>b</pathSet></propSet>' +
      '<objectSet><obj type="SessionManager">SessionManager</obj>' +
      '<selectSet xsi:type="TraversalSpec"><type>ContainerView</type><path>view</path></selectSet></objectSet></specSet>' +
      '<options></options>',
  );
});

test('text is escaped, and what XML cannot hold is refused', () => {
  const request = (userName: string) =>
    encodeRequest('Login', { _this: sessionManager, userName, password: new Secret('') });
  expect(request('<a>&"é  ')).toContain('<userName>&lt;a&gt;&amp;&quot;é  </userName>');
  expect(() => request('a\u0000b')).toThrow(expect.objectContaining({ kind: 'usage' }));
});

test('a field that the table lacks, or one that is missing, is an error', () => {
  const wrong = { _this: sessionManager, userName: 'u', password: new Secret('p'), realm: 'x' };
  expect(() => encodeRequest('Login', wrong)).toThrow('Login has no field realm');
  expect(() => encodeRequest('Login', { _this: sessionManager, userName: 'u' } as never)).toThrow(
    'needs its field password',
  );
});

const envelope = (body: string) =>
  `<?xml version="1.0"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="x"><soapenv:Body>${body}</soapenv:Body></soapenv:Envelope>`;

test('a fault keeps its type, its message and its nested cause', () => {
  const fault = envelope(
    '<soapenv:Fault><faultcode>ServerFaultCode</faultcode><faultstring>The operation failed</faultstring><detail>' +
      '<InvalidStateFault xsi:type="vim25:FileLocked"><faultCause><fault xsi:type="HostCommunication"/><localizedMessage>host is gone</localizedMessage></faultCause></InvalidStateFault>' +
      '</detail></soapenv:Fault>',
  );
  try {
    decodeResponse('ExportVm', fault, 'vc:443');
    throw new Error('no fault');
  } catch (error) {
    expect(error).toBeInstanceOf(VsphereFault);
    expect(error).toMatchObject({
      faultType: 'FileLocked',
      kind: 'transfer',
      message: expect.stringContaining('ExportVm failed with FileLocked: The operation failed. Its cause:'),
      faultCause: { faultType: 'HostCommunication', retryable: true },
    });
  }
});

test("a task's result tells its own type, not that of its xsi:type", () => {
  const response = decodeResponse(
    'CurrentTime',
    envelope(
      '<CurrentTimeResponse><returnval type="VirtualMachineSnapshot" xsi:type="ManagedObjectReference">snapshot-1</returnval></CurrentTimeResponse>',
    ),
    'vc:443',
  );
  expect(refOf(response.find('returnval'))).toEqual({ type: 'VirtualMachineSnapshot', value: 'snapshot-1' });
});

test.each([
  ['<html>proxy</html>', 'not its SOAP response'],
  ['<a><b></a>', 'not usable XML'],
  ['', 'not usable XML'],
  ['<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', 'document type declaration'],
  [envelope(''), 'not its SOAP response'],
])('%s is refused as an answer', (text, reason) => {
  expect(() => decodeResponse('Login', text, 'vc:443')).toThrow(
    expect.objectContaining({ kind: 'transfer', message: expect.stringContaining(reason) }),
  );
});

test('white space and numeric references of a name are kept', () => {
  const text = envelope('<LoginResponse><returnval><userName> a&#x2603;&#10;b </userName></returnval></LoginResponse>');
  expect(decodeResponse('Login', text, 'vc').textOf('returnval.userName')).toBe(' a\u2603\nb ');
});

test('a fault of megabytes is cut to what a person reads, with its causes', () => {
  const cause = (depth: number): string =>
    depth === 0
      ? ''
      : `<faultCause><fault xsi:type="Cause">${cause(depth - 1)}</fault><localizedMessage>${'c'.repeat(5000)}</localizedMessage></faultCause>`;
  const fault = envelope(
    `<soapenv:Fault><faultcode>x</faultcode><faultstring>${'y \n'.repeat(1_000_000)}</faultstring>` +
      `<detail><A xsi:type="${'T'.repeat(100_000)}">${cause(30)}</A></detail></soapenv:Fault>`,
  );
  expect(() => decodeResponse('ExportVm', fault, 'vc:443')).toThrow(
    expect.objectContaining({ message: expect.stringMatching(/^.{1,4000}$/) }),
  );
});

test.each([
  ['<a/>', 2_000_001, /two million tags/],
  [' b=""', 2_000_001, /two million attributes/],
  ['&amp;', 1_000_001, /a million references/],
])('an answer with %j %i times is refused before it is parsed', (unit, times, message) => {
  const startedUs = process.cpuUsage();
  expect(() => decodeResponse('ExportVm', envelope(unit.repeat(times)), 'vc:443')).toThrow(message);
  const { user, system } = process.cpuUsage(startedUs);
  expect((user + system) / 1e6).toBeLessThan(10);
});

test('elements in a hundred thousand others are refused without a stack overflow', () => {
  const deep = envelope(`${'<a>'.repeat(100_000)}${'</a>'.repeat(100_000)}`);
  expect(() => decodeResponse('ExportVm', deep, 'vc:443')).toThrow(expect.objectContaining({ kind: 'transfer' }));
});

test('many entities of an escaped descriptor are read', () => {
  const response = envelope(
    `<ExportVmResponse><returnval>${'&lt;Item/&gt;'.repeat(50_000)}</returnval></ExportVmResponse>`,
  );
  expect(decodeResponse('ExportVm', response, 'vc:443').textOf('returnval')).toHaveLength(350_000);
});
