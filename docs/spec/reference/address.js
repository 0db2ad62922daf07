// SPDX-License-Identifier: MIT
// Address texts: qg://<uuid>-<check>@<host>:<port>[,<host>:<port>...]
// Spec: docs/spec/01-identity.md, section 4.
import { ensure, toHex } from './bytes.js';
import { parseUuid, uuidText } from './identity.js';

const kModulus = 1271n;
const kHostsMax = 8;

const base36 = (text) => [...text].reduce((value, digit) => value * 36n + BigInt(parseInt(digit, 36)), 0n);

// The two check characters of a UUID: with them, the whole is 1 modulo 1271. The smaller pair where two fit.
export function checkCharacters(uuid) {
  const value = (1n - ((base36(toHex(uuid)) * 1296n) % kModulus) + kModulus) % kModulus;
  return value.toString(36).padStart(2, '0');
}

function isIpv4(host) {
  const parts = host.split('.');
  return parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
}

function isIpv6(host) {
  const halves = host.split('::');
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')));
  let count = groups.length;
  if (count > 0 && groups[count - 1].includes('.')) {
    if (!isIpv4(groups.pop())) return false;
    count += 1; // an embedded IPv4 address stands for two groups
  }
  return groups.every((group) => /^[0-9a-f]{1,4}$/.test(group)) && (halves.length === 2 ? count <= 7 : count === 8);
}

function isName(host) {
  return /^[0-9a-z._-]{1,253}$/.test(host);
}

function parseHostPort(text) {
  const [, bracketed, plain, digits] = text.match(/^(?:\[([^\]]*)\]|([^:[\]]*)):([1-9][0-9]{0,4})$/) ?? [];
  ensure(digits !== undefined, 'malformed', 'reading an address: host:port');
  ensure(bracketed !== undefined ? isIpv6(bracketed) : isName(plain), 'malformed', 'reading an address: host');
  const port = Number(digits);
  ensure(port <= 65535, 'malformed', 'reading an address: port');
  return { host: bracketed ?? plain, port };
}

// Errors: `malformed`; `bad_check_group` if everything is well-formed but the check characters do not fit the UUID.
export function parseAddress(text) {
  const lowered = text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  const [, uuidPart, check, hosts] = lowered.match(/^qg:\/\/(.{36})-([0-9a-z]{2})(?:@([^]*))?$/) ?? [];
  ensure(uuidPart !== undefined, 'malformed', 'reading an address');
  const uuid = parseUuid(uuidPart);
  const places = hosts === undefined ? [] : hosts.split(',').map(parseHostPort);
  ensure(places.length <= kHostsMax, 'malformed', 'reading an address: too many places');
  ensure(check === checkCharacters(uuid), 'bad_check_group', 'reading an address');
  return { uuid, hosts: places };
}

export function addressText({ uuid, hosts }) {
  const places = hosts.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`);
  return `qg://${uuidText(uuid)}-${checkCharacters(uuid)}${places.length ? '@' : ''}${places.join(',')}`;
}
