import { type KeyObject, X509Certificate } from 'node:crypto';
import { X509Certificate as X509Parts } from '@sigstore/core';
import { StartError } from '../contract/start-error.ts';

/** Object identifiers of the extensions that are looked at; those that OpenSSL looks at for us are among them. */
const oids = {
  subjectKeyId: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  policies: '2.5.29.32',
  authorityKeyId: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
} as const;
const codeSigning = '1.3.6.1.5.5.7.3.3';

/** A certificate may state limits that are not checked here; one that does is no link of a chain. */
const understood: ReadonlySet<string> = new Set(
  Object.values(oids).filter((oid) => oid !== oids.nameConstraints),
);

/** A certificate, and those of its parts that Node does not show. */
interface Certificate {
  readonly x509: X509Certificate;
  readonly parts: X509Parts;
}

/** All certificates of a PEM text. @throws StartError where there is none. */
export function readCertificates(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0)
    throw new StartError('The file of trusted certificates holds none (PEM, -----BEGIN CERTIFICATE-----).');
  return blocks.map((block) => parse(block, 'The file of trusted certificates').x509);
}

/**
 * The key of the signer's certificate, once a chain leads from it to a self-signed certificate among the trusted ones.
 * As `model_signing` does, all are looked at as of the moment from which the signer's is valid: a signature bears no
 * time that could be trusted, and outlives its certificate.
 *
 * @param sent DER; the signer's certificate first.
 * @throws StartError where there is no such chain, or the certificate is not for signing.
 */
export function trustedSigner(
  sent: readonly Buffer[],
  trusted: readonly X509Certificate[],
): { key: KeyObject; subject: string } {
  const [leaf, ...others] = sent.map((der) => parse(der, 'The signature'));
  if (!leaf) throw new StartError('The signature holds no certificate.');
  const { publicKey, subject, validFromDate } = leaf.x509;
  const roots = trusted.map((certificate) => parse(certificate.raw, 'The file of trusted certificates'));
  if (!leadsToTrust(leaf, others, roots, validFromDate))
    throw new StartError(
      `The signer's certificate (${oneLine(subject)}) is not issued by any of the trusted certificates.`,
    );
  if (!isForSigning(leaf))
    throw new StartError(
      `The signer's certificate (${oneLine(subject)}) is not meant for signing: it has neither the key usage ` +
        'digitalSignature nor the extended key usage codeSigning.',
    );
  return { key: publicKey, subject: oneLine(subject) };
}

function parse(certificate: string | Buffer, where: string): Certificate {
  try {
    const x509 = new X509Certificate(certificate);
    return { x509, parts: X509Parts.parse(x509.raw) };
  } catch (cause) {
    throw new StartError(`${where} holds a certificate that cannot be read.`, { cause });
  }
}

/** Level by level from the signer up, so that every certificate is reached with the fewest below it, and once. */
function leadsToTrust(
  leaf: Certificate,
  sent: readonly Certificate[],
  trusted: readonly Certificate[],
  time: Date,
): boolean {
  const anchors = new Set(trusted.map(({ x509 }) => x509.fingerprint256));
  const isLink = ({ x509, parts }: Certificate) =>
    x509.validFromDate <= time && time <= x509.validToDate && !statesUnknownLimits(parts);
  const left = new Map([...trusted, ...sent].map((one) => [one.x509.fingerprint256, one]));
  let level = [leaf].filter(isLink);
  for (let below = 0; level.length > 0; below++) {
    if (level.some(({ x509 }) => anchors.has(x509.fingerprint256) && isSelfSigned(x509))) return true;
    const issuers = [...left.values()].filter(
      (issuer) =>
        isLink(issuer) &&
        isAuthority(issuer, below) &&
        level.some((subject) => isIssuedBy(subject.x509, issuer.x509)),
    );
    for (const { x509 } of issuers) left.delete(x509.fingerprint256);
    level = issuers;
  }
  return false;
}

/** Names, key ids, key usage and the signature itself. */
const isIssuedBy = (subject: X509Certificate, issuer: X509Certificate): boolean =>
  subject.checkIssued(issuer) && subject.verify(issuer.publicKey);

/** Not by `checkIssued`, for which a certificate that is only for signing has issued none, not even itself. */
const isSelfSigned = (x509: X509Certificate): boolean =>
  x509.subject === x509.issuer && x509.verify(x509.publicKey);

/** @param below how many other authorities stand between it and the signer. */
function isAuthority({ x509, parts }: Certificate, below: number): boolean {
  const limit = parts.extBasicConstraints?.pathLenConstraint;
  return x509.ca && parts.isCA && (limit === undefined || limit >= BigInt(below));
}

/** Each extension is the sequence of its identifier, whether it is critical (left out where it is not) and its value. */
const statesUnknownLimits = (parts: X509Parts): boolean =>
  parts.extensions.some(({ subs }) => {
    const oid = subs[0]?.toOID() ?? '';
    const critical = subs.length > 2;
    return oid === oids.nameConstraints || (critical && !understood.has(oid));
  });

const isForSigning = ({ x509, parts }: Certificate): boolean =>
  parts.extKeyUsage?.digitalSignature === true || (x509.keyUsage ?? []).includes(codeSigning);

/** Node puts each part of a name on a line of its own. */
const oneLine = (name: string): string => name.replaceAll('\n', ', ');
