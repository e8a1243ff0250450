"""Certificates for tests: an authority, and what it signs."""
import subprocess


def openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


class Authority:
    """Its certificate is `file`."""

    def __init__(self, folder, name="authority"):
        self.folder, self.key, self.file = folder, folder / f"{name}.key", folder / f"{name}.pem"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", f"/CN={name}",
                "-keyout", self.key, "-out", self.file)

    def sign(self, name, says="DNS:localhost,IP:127.0.0.1", days=2):
        """(certificate, key) of who is called so."""
        certificate, key, request, more = (self.folder / f"{name}.{kind}" for kind in ("crt", "key", "csr", "ext"))
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        more.write_text(f"subjectAltName={says}\n")
        openssl("x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self.key, "-CAcreateserial", "-days", days, "-extfile", more, "-out", certificate)
        return certificate, key

    def revoked(self, *certificates, old=False):
        """The list of the certificates that aren't good any more; `old`: of last year."""
        settings, index, made = (self.folder / f"{self.key.stem}.{kind}" for kind in ("cnf", "index", "crl"))
        index.write_text("")
        settings.write_text(f"[ca]\ndefault_ca = own\n[own]\ndatabase = {index}\ndefault_md = sha256\n")
        ca = ("ca", "-config", settings, "-keyfile", self.key, "-cert", self.file)
        for certificate in certificates:
            openssl(*ca, "-revoke", certificate)
        times = ("-crl_lastupdate", "20250101000000Z", "-crl_nextupdate", "20250102000000Z") if old else ("-crldays", 2)
        openssl(*ca, "-gencrl", *times, "-out", made)
        return made


def self_signed(folder, name="alone"):
    certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", f"/CN={name}",
            "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", certificate)
    return certificate, key
