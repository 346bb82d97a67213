"""PEM files that gateway.yaml names: certificates, their keys, and authorities.

They are read while the configuration loads, so that `gateway check` finds what could not serve. A certificate
that has expired is none of that: it is for others to refuse, and must not keep a gateway from starting.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, final

from gateway.config.names import ANY, at
from gateway.config.problem import Path as Place
from gateway.config.problem import Problem
from gateway.config.tree import Tree, shown

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_PAIRS: tuple[Place, ...] = (("listeners", ANY, "tls", "certificates", ANY), ("upstreams", ANY, "tls"))
_AUTHORITIES: tuple[Place, ...] = (("listeners", ANY, "tls", "client_ca"), ("upstreams", ANY, "tls", "ca"))
# The authorities that a system trusts are a quarter of that.
_BYTES_AT_MOST = 1024 * 1024
_RSA_BITS_AT_LEAST = 2048


@final
@dataclass(frozen=True, slots=True)
class Leaf:
    """What the first certificate of a chain says: the DNS names it is for, and when it expires."""

    names: tuple[str, ...]
    expires: datetime


@final
@dataclass(frozen=True, slots=True)
class Pem:
    """What stands in the files; `leaves` by the path of the chain as gateway.yaml has it.

    `folder` is where relative paths start; `digests` are those of the files that could be read.
    """

    folder: Path
    leaves: Mapping[str, Leaf] = field(default_factory=dict)
    digests: Mapping[Path, bytes] = field(default_factory=dict)

    def path(self, name: str) -> str:
        """Where a file is that gateway.yaml names."""
        return str(self.folder / name)

    def digest(self, *names: str | None) -> bytes:
        """Changes with the bytes of any of these files."""
        return b"".join(self.digests[self.folder / name] for name in names if name)


def read(tree: Tree, folder: Path) -> tuple[Pem, list[Problem]]:
    """Read every file that `tree`, that of gateway.yaml, names; with what is wrong with each."""
    reader = _Reader(tree, folder)
    for pattern in _PAIRS:
        for place, pair in at(tree, pattern):
            if isinstance(pair, dict):
                reader.pair(place, pair.get("certificate"), pair.get("key"))
    for pattern in _AUTHORITIES:
        for place, name in at(tree, pattern):
            reader.certificates(place, name)
    return Pem(folder, reader.leaves, reader.digests), reader.problems


@final
class _Reader:
    """Reads the files of one tree, and notes what is wrong with them."""

    def __init__(self, tree: Tree, folder: Path) -> None:
        self._tree = tree
        self._folder = folder
        self.leaves: dict[str, Leaf] = {}
        self.digests: dict[Path, bytes] = {}
        self.problems: list[Problem] = []

    def pair(self, place: Place, chain: object, key: object) -> None:
        """A certificate and its key."""
        certificates = self.certificates((*place, "certificate"), chain)
        if certificates:
            self._leaf((*place, "certificate"), chain, certificates[0])
        raw = self._bytes((*place, "key"), key)
        expected = raw is not None and _expected(raw, certificates)
        if expected:
            self._note((*place, "key"), expected, key)

    def certificates(self, place: Place, name: object) -> "list[Certificate]":
        """The certificates of a file, none where there is a problem."""
        raw = self._bytes(place, name)
        if raw is None:
            return []
        # Imported late: most commands of most configurations need nothing of it.
        from cryptography.x509 import load_pem_x509_certificates

        try:
            return load_pem_x509_certificates(raw)
        except Exception:
            # The library has many words for what is broken; to us they are one.
            self._note(place, "expected certificates in PEM", name)
            return []

    def _leaf(self, place: Place, name: object, leaf: "Certificate") -> None:
        try:
            leaf.public_key()
            self.leaves[str(name)] = Leaf(tuple(_dns_names(leaf)), leaf.not_valid_after_utc)
        except Exception:
            self._note(place, "expected a certificate that can be read", name)

    def _bytes(self, place: Place, name: object) -> bytes | None:
        if not isinstance(name, str):
            return None
        path = self._folder / name
        try:
            # A pipe or a device would be waited for.
            raw = path.read_bytes() if path.is_file() and path.stat().st_size <= _BYTES_AT_MOST else None
        except (OSError, ValueError):
            raw = None
        if raw is None:
            self._note(place, "expected a readable file of at most 1 MiB", name)
            return None
        self.digests[path] = sha256(raw).digest()
        return raw

    def _note(self, place: Place, expected: str, name: object) -> None:
        self.problems.append(self._tree.problem(place, f"{expected}, got {shown(name)}"))


def _expected(raw: bytes, certificates: "list[Certificate]") -> str:
    """What was expected of a private key that does not serve, else nothing."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(raw, None)
        fits = not certificates or certificates[0].public_key() == key.public_key()
    except Exception:
        return "expected a private key in PEM, without a password"
    if isinstance(key, RSAPrivateKey) and key.key_size < _RSA_BITS_AT_LEAST:
        return f"expected an RSA key of at least {_RSA_BITS_AT_LEAST} bits"
    return "" if fits else "expected the key of the certificate beside it"


def _dns_names(certificate: "Certificate") -> Iterator[str]:
    """The DNS names that a certificate is for (RFC 9525 6.3: the subject's common name is none)."""
    from cryptography.x509 import DNSName, ExtensionNotFound, SubjectAlternativeName

    try:
        extension = certificate.extensions.get_extension_for_class(SubjectAlternativeName)
    except ExtensionNotFound:
        return
    for name in extension.value.get_values_for_type(DNSName):
        yield name.lower()
