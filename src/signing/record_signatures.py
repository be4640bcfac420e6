"""Records signatures that Python's model-signing 1.1.1 makes, and what it says of them, into recorded.json.

    pip install model-signing==1.1.1 pyopenssl && python src/signing/record_signatures.py

Every case is a folder of files, the signature that lies in it, whom to believe, and whether `model_signing verify`
accepts it. The private keys are made here and forgotten.
"""

import base64
import datetime
import json
import pathlib
import tempfile

import model_signing
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as pem
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from model_signing import hashing, signing, verifying

FILES = {
    "MLmodel": "flavors: {}\n",
    "data/model.bin": "weights",
    "data/empty": "",
    "data-2/ü.txt": "ü",
    "code/.gitignore": "*.pyc",
}
UTC = datetime.timezone.utc


class Party:
    """A key, and perhaps a certificate that somebody issued for it."""

    def __init__(self, key=None):
        self.key = key or ec.generate_private_key(ec.SECP256R1())

    def public(self):
        format = pem.PublicFormat.SubjectPublicKeyInfo
        return self.key.public_key().public_bytes(pem.Encoding.PEM, format).decode()

    def private(self):
        return self.key.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, pem.NoEncryption())

    def certify(self, name, issuer=None, ca=False, path_length=None, usage="digital_signature", eku=None,
                years=(2020, 2060), more=()):
        issuer = issuer or self
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        build = (
            x509.CertificateBuilder()
            .subject_name(self.name)
            .issuer_name(issuer.name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime.datetime(years[0], 1, 1, tzinfo=UTC))
            .not_valid_after(datetime.datetime(years[1], 1, 1, tzinfo=UTC))
            .add_extension(x509.BasicConstraints(ca, path_length), critical=True)
        )
        if usage:
            names = ["digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
                     "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"]
            usages = {n: n == usage for n in names}
            build = build.add_extension(x509.KeyUsage(**usages), critical=True)
        if eku:
            build = build.add_extension(x509.ExtendedKeyUsage([eku]), critical=False)
        for extension, critical in more:
            build = build.add_extension(extension, critical)
        self.certificate = build.sign(issuer.key, hashes.SHA256())
        return self

    def text(self):
        return self.certificate.public_bytes(pem.Encoding.PEM).decode()


def authority(name, issuer=None, **options):
    return Party().certify(name, issuer, ca=True, usage="key_cert_sign", **options)


def write(folder, files):
    for path, content in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)


def sign(party, chain=None, ignored=(), git=True):
    """The text of the signature of FILES; by a certificate where `chain` lists what else is sent."""
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place, "model")
        write(folder, FILES)
        key = pathlib.Path(place, "key.pem")
        key.write_bytes(party.private())
        config = signing.Config()
        if chain is None:
            config.use_elliptic_key_signer(private_key=key)
        else:
            own, rest = pathlib.Path(place, "own.pem"), pathlib.Path(place, "rest.pem")
            own.write_text(party.text())
            # It signs with no empty chain.
            rest.write_text("".join(one.text() for one in chain or [party]))
            config.use_certificate_signer(
                private_key=key, signing_certificate=own, certificate_chain=[rest]
            )
        paths = [folder / "model.sig", *(folder / path for path in ignored)]
        names = [path.relative_to(folder) for path in paths]
        config.set_hashing_config(hashing.Config().set_ignored_paths(paths=names, ignore_git_paths=git))
        config.sign(folder, folder / "model.sig")
        return (folder / "model.sig").read_text()


def accepts(files, signature, key=None, certificates=None):
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place, "model")
        write(folder, {**files, "model.sig": signature})
        trust = pathlib.Path(place, "trust.pem")
        trust.write_text(key or certificates)
        config = verifying.Config()
        try:
            if key:
                config.use_elliptic_key_verifier(public_key=trust)
            else:
                config.use_certificate_verifier(certificate_chain=[trust])
            config.set_hashing_config(
                hashing.Config().set_ignored_paths(paths=[pathlib.Path("model.sig")])
            ).verify(folder, folder / "model.sig")
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        return True


def changed(signature, change):
    """The signature with something done to its bundle, or, where `change` is given two arguments, its statement."""
    bundle = json.loads(signature)
    statement = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
    change(bundle, statement)
    bundle["dsseEnvelope"]["payload"] = base64.b64encode(json.dumps(statement).encode()).decode()
    return json.dumps(bundle)


cases = []


def case(name, signature, files=FILES, **trust):
    verdict = accepts(files, signature, **trust)
    accepted = verdict is True
    cases.append({"name": name, "files": files, "signature": signature, **trust, "accepted": accepted})
    print(f"{name}: {verdict}")


def without(path):
    return {p: content for p, content in FILES.items() if p != path}


for curve in (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1):
    party = Party(ec.generate_private_key(curve()))
    case(f"a key on {curve.name}", sign(party), key=party.public())

party = Party()
signature = sign(party)
key = party.public()
case("another key", signature, key=Party().public())
case("a changed file", signature, {**FILES, "data/model.bin": "Weights"}, key=key)
case("a missing file", signature, without("data/empty"), key=key)
case("an extra file", signature, {**FILES, "code/evil.py": ""}, key=key)
case("a renamed file", signature, {**without("MLmodel"), "MLmodeL": FILES["MLmodel"]}, key=key)
case("two files swapped", signature, {**FILES, "data/model.bin": "", "data/empty": "weights"}, key=key)
case("files of git at the top", signature, {**FILES, ".git/HEAD": "x", ".gitignore": "y"}, key=key)
case("a file of git below", signature, {**FILES, "code/.git/HEAD": "x"}, key=key)
case("one path left out by the signer", sign(party, ignored=["data"]), key=key)
case("a path left out, and changed", sign(party, ignored=["data"]), {**FILES, "data/model.bin": "W"}, key=key)
case("a statement that was changed",
     changed(signature, lambda bundle, statement: statement["subject"][0].update(name="other")), key=key)
case("a signature without a hint of its key",
     json.dumps({**json.loads(signature), "verificationMaterial": {"publicKey": {}, "tlogEntries": []}}), key=key)
case("a bundle of another version",
     json.dumps({**json.loads(signature), "mediaType": "application/vnd.dev.sigstore.bundle+json;version=0.2"}),
     key=key)
case("no bundle", "{}", key=key)
case("no JSON", "MLmodel", key=key)

root = authority("root")
middle = authority("middle", root)
leaf = Party().certify("signer", middle)
case("a chain that is sent", sign(leaf, [middle, root]), certificates=root.text())
case("a chain that is sent without its root", sign(leaf, [middle]), certificates=root.text())
case("a chain that the verifier has", sign(leaf, []), certificates=middle.text() + root.text())
case("a chain with a gap", sign(leaf, [root]), certificates=root.text())
case("only the middle is trusted", sign(leaf, [middle, root]), certificates=middle.text())
case("another root", sign(leaf, [middle, root]), certificates=authority("root").text())
case("a key where certificates are believed", signature, certificates=root.text())
case("certificates where a key is believed", sign(leaf, [middle, root]), key=leaf.public())
case("a changed file under a certificate", sign(leaf, [middle, root]), {**FILES, "MLmodel": ""},
     certificates=root.text())
own = Party().certify("alone")
case("a certificate that issued itself", sign(own, []), certificates=own.text())
old = Party().certify("old", middle, years=(2021, 2022))
case("a certificate that has ended", sign(old, [middle]), certificates=root.text())
early = Party().certify("early", middle, years=(2010, 2060))
case("a certificate from before its issuer's", sign(early, [middle]), certificates=root.text())
for usage, eku in [(None, None), ("key_agreement", None), (None, x509.ExtendedKeyUsageOID.CODE_SIGNING),
                   ("key_agreement", x509.ExtendedKeyUsageOID.CODE_SIGNING),
                   (None, x509.ExtendedKeyUsageOID.SERVER_AUTH)]:
    party = Party().certify("used", middle, usage=usage, eku=eku)
    case(f"usage {usage}, extended {eku and eku._name}", sign(party, [middle]), certificates=root.text())
poser = Party().certify("signer", usage=None)
forged = Party().certify("forged", poser)
case("an issuer that is no authority", sign(forged, [poser]), certificates=root.text() + poser.text())
nobody = Party().certify("nobody", middle)
below = Party().certify("below", nobody)
case("a signer's certificate as issuer", sign(below, [nobody, middle]), certificates=root.text())
flat = authority("flat", root, path_length=0)
deep = authority("deep", flat)
case("within the length of path", sign(Party().certify("a", flat), [flat]), certificates=root.text())
case("beyond the length of path", sign(Party().certify("b", deep), [deep, flat]), certificates=root.text())
odd = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
case("an unknown extension", sign(Party().certify("c", root, more=[(odd, False)]), []), certificates=root.text())
case("an unknown critical extension", sign(Party().certify("d", root, more=[(odd, True)]), []),
     certificates=root.text())
names = x509.NameConstraints([x509.DNSName("example.org")], None)
limited = authority("limited", root, more=[(names, True)])
case("limits on names", sign(Party().certify("e", limited), [limited]), certificates=root.text())
rsa_root = Party(rsa.generate_private_key(65537, 2048)).certify("rsa", ca=True, usage="key_cert_sign")
case("a root with an RSA key", sign(Party().certify("f", rsa_root), []), certificates=rsa_root.text())
twin = Party().certify("root", ca=True, usage="key_cert_sign")
case("two roots of one name", sign(leaf, [middle]), certificates=twin.text() + root.text())

target = pathlib.Path(__file__).parent / "recorded.json"
target.write_text(json.dumps(cases, ensure_ascii=False, indent=1) + "\n")
print(f"{len(cases)} cases are in {target} (model-signing {model_signing.__version__})")
