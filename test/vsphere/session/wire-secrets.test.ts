import { expect, test } from '@jest/globals';
import { WireSecrets } from '../../../src/vsphere/session/wire-secrets.ts';

test.each([
  ['<password>geheim</password>', '<password>***</password>'],
  [
    '<vim:sslPassword xsi:type="xsd:string">geheim</vim:sslPassword>',
    '<vim:sslPassword xsi:type="xsd:string">***</vim:sslPassword>',
  ],
  ['<sessionTicket>geheim</sessionTicket>', '<sessionTicket>***</sessionTicket>'],
  ['<samlToken>geheim</samlToken>', '<samlToken>***</samlToken>'],
  ['proxy http://joe:geheim@proxy:3128 failed', 'proxy http://joe:***@proxy:3128 failed'],
  [
    '<key>guestinfo.userdata</key><value xsi:type="xsd:string">geheim</value>',
    '<key>guestinfo.userdata</key><value xsi:type="xsd:string">***</value>',
  ],
  [`&lt;Property ovf:key="pw" ovf:value="geh'eim"/&gt;`, '&lt;Property ovf:key="pw" ovf:value="***"/&gt;'],
  [
    '&lt;vmw:ExtraConfig vmw:key=&quot;a&quot; vmw:value=&quot;geheim&quot;/&gt;',
    '&lt;vmw:ExtraConfig vmw:key=&quot;a&quot; vmw:value=&quot;***&quot;/&gt;',
  ],
])('%s is recorded as %s', (text, recorded) => {
  expect(new WireSecrets().mask(text)).toBe(recorded);
});

test.each([
  '<token>0</token><name>config.hardware</name>',
  '<key>4000</key><value>16</value>',
  '&lt;Item&gt;&lt;rasd:ElementName&gt;disk&lt;/rasd:ElementName&gt;',
  'https://vc.example.com/sdk joe@vsphere.local',
])('%s is recorded as it is', (text) => {
  expect(new WireSecrets().mask(text)).toBe(text);
});

test('a ticket and a session have one name each, wherever they come', () => {
  const secrets = new WireSecrets();
  const [ticket, other, cookie, key] = ['52aa-01', '52aa-02', 'c0ffee', '5261-0b'];
  expect(secrets.mask(`vmware_soap_session="${cookie}"; Path=/`)).toBe(
    'vmware_soap_session="REDACTED-session-1"; Path=/',
  );
  expect(secrets.mask(`<key>${key}</key><userName>joe</userName>`)).toBe(
    '<key>REDACTED-session-2</key><userName>joe</userName>',
  );
  expect(secrets.mask(`https://esx/nfc/${ticket}/a.vmdk https://esx/ha-nfc/${other}/b.vmdk`)).toBe(
    'https://esx/nfc/REDACTED-ticket-1/a.vmdk https://esx/ha-nfc/REDACTED-ticket-2/b.vmdk',
  );
  expect(secrets.mask(`<_this>session[${key}]9</_this> ${ticket} ${cookie} ${other}`)).toBe(
    '<_this>session[REDACTED-session-2]9</_this> REDACTED-ticket-1 REDACTED-session-1 REDACTED-ticket-2',
  );
});

test('a secret is known in its percent-encoded form too', () => {
  const secrets = new WireSecrets();
  expect(secrets.mask('/nfc/52%20ab/disk-0.vmdk')).toBe('/nfc/REDACTED-ticket-1/disk-0.vmdk');
  expect(secrets.mask('the ticket 52 ab')).toBe('the ticket REDACTED-ticket-1');
});

test('a million characters are read in a moment', () => {
  for (const unit of ['<Property ', '&lt;Property ', '/nfc/', '://a:', '<password ', 'session[', '<key>guestinfo.']) {
    const startedUs = process.cpuUsage();
    new WireSecrets().mask(unit.repeat(1_000_000 / unit.length));
    const { user, system } = process.cpuUsage(startedUs);
    // With quadratic time, this would take minutes.
    expect({ unit, isQuick: (user + system) / 1e6 < 5 }).toEqual({ unit, isQuick: true });
  }
});
