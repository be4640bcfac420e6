import { assertBundle, BUNDLE_V03_MEDIA_TYPE } from '@sigstore/bundle';
import { Bundle } from '@sigstore/protobuf-specs';
import { StartError } from '../contract/start-error.ts';

/** What a `model.sig` holds: signed bytes, their signature, and who is said to have made it. */
export interface SignedPayload {
  readonly payloadType: string;
  readonly payload: Buffer;
  readonly signature: Buffer;
  readonly signer: Signer;
}

export type Signer =
  /** `hint`: SHA-256 (hex) of the public key's PEM text; '' where the signer left it out. */
  | { readonly kind: 'key'; readonly hint: string }
  /** DER; the signer's own certificate first, then what may lead from it to a trusted one. */
  | { readonly kind: 'certificates'; readonly chain: readonly Buffer[] };

/**
 * Reads a Sigstore bundle of version 0.3 with a DSSE envelope, which is how OpenSSF Model Signing v1.0 writes a
 * signature. Nothing is verified here.
 *
 * @throws StartError for anything else.
 */
export function readBundle(text: string): SignedPayload {
  const { mediaType, content, verificationMaterial } = parse(text);
  if (mediaType !== BUNDLE_V03_MEDIA_TYPE)
    throw new StartError(
      `The signature is a bundle of the type '${mediaType}', not '${BUNDLE_V03_MEDIA_TYPE}'.`,
    );
  if (content?.$case !== 'dsseEnvelope') throw notOurs('it signs a file, not a statement about files');
  const { payloadType, payload, signatures } = content.dsseEnvelope;
  // Exactly one, as `assertBundle` has made sure.
  const signature = signatures[0]?.sig ?? Buffer.alloc(0);
  return { payloadType, payload, signature, signer: signerOf(verificationMaterial?.content) };
}

function parse(text: string): Bundle {
  try {
    const bundle = Bundle.fromJSON(JSON.parse(text));
    // The stricter check for 0.3 refuses chains of certificates, which is how Model Signing sends them.
    assertBundle(bundle);
    return bundle;
  } catch (cause) {
    throw notOurs((cause as Error).message, cause);
  }
}

function signerOf(material: NonNullable<Bundle['verificationMaterial']>['content']): Signer {
  if (material?.$case === 'publicKey') return { kind: 'key', hint: material.publicKey.hint };
  if (material?.$case === 'x509CertificateChain')
    return {
      kind: 'certificates',
      chain: material.x509CertificateChain.certificates.map(({ rawBytes }) => rawBytes),
    };
  throw new StartError(
    "The signature was made with a short-lived certificate of Sigstore's service, which is not checked here: " +
      'use `model_signing verify sigstore`.',
  );
}

const notOurs = (why: string, cause?: unknown) =>
  new StartError(`The signature is not in the format of OpenSSF Model Signing: ${why}.`, { cause });
