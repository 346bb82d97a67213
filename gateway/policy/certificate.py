"""Who shows a client certificate that the handshake has verified.

One name in it says who asks. A certificate with none of the kind that is asked for, or with several, names
nobody: which of them was meant would be a guess.
"""

from collections.abc import Callable, Mapping
from typing import Final, final

from cryptography import x509
from cryptography.x509.oid import NameOID

from gateway.http.reply import Reply, problem
from gateway.policy import Exchange, Principal, Reason
from gateway.policy.authn import Identity, Outcome
from gateway.policy.credential import Place
from gateway.policy.identity_fields import identity_fields
from gateway.policy.ports import Time
from gateway.policy.recent import Recent

METHOD: Final = "mtls"
# Certificates that are remembered: twice as many at most, and none of them longer than this.
_REMEMBERED = 1024
_REMEMBERED_BYTES = 8192
_UNREADABLE = (x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType)


def _alternatives(certificate: x509.Certificate) -> x509.SubjectAlternativeName:
    return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value


def _dns(certificate: x509.Certificate) -> list[str]:
    # RFC 4343: names are the same whatever their case. A wildcard stands for nobody in particular.
    names = _alternatives(certificate).get_values_for_type(x509.DNSName)
    return [name.lower() for name in names] if not any("*" in name for name in names) else []


def _common_names(certificate: x509.Certificate) -> list[str]:
    return [str(each.value) for each in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]


NAMES: Mapping[str, Callable[[x509.Certificate], list[str]]] = {
    "san_dns": _dns,
    "san_uri": lambda it: _alternatives(it).get_values_for_type(x509.UniformResourceIdentifier),
    "san_email": lambda it: _alternatives(it).get_values_for_type(x509.RFC822Name),
    "common_name": _common_names,
}


@final
class Certificates:
    """The method `mtls`. `kind` is a word of NAMES, `roles` those of a subject."""

    __slots__ = ("_expired", "_known", "_names", "_roles", "_unusable", "_wall", "challenge")

    places: Final[tuple[Place, ...]] = ()

    def __init__(self, kind: str, roles: Mapping[str, frozenset[str]], realm: str, wall: Time) -> None:
        self._names = NAMES[kind]
        self._roles = roles
        self._wall = wall
        self._known: Recent[bytes, Identity | Reply] = Recent(_REMEMBERED)
        # RFC 9110 15.5.2 wants a challenge with every 401; no registered scheme stands for TLS.
        self.challenge = f'Certificate realm="{realm}"'.encode()
        www = (b"WWW-Authenticate", self.challenge)
        self._unusable = problem(
            401, Reason.UNUSABLE_CERTIFICATE, "The certificate does not name exactly one subject.", www
        )
        self._expired = problem(401, Reason.CERTIFICATE_EXPIRED, "The certificate has expired.", www)

    def __call__(self, exchange: Exchange) -> Outcome:
        """The identity of the client's certificate, None if it showed none."""
        certificate = exchange.request.certificate
        if certificate is None:
            return None
        known = self._known.get(certificate)
        if known is None:
            known = self._read(certificate)
            if len(certificate) <= _REMEMBERED_BYTES:
                self._known.put(certificate, known)
        if isinstance(known, Identity) and self._wall() >= (known.principal.expires or 0.0):
            # The handshake has looked at the time, but a connection may last longer.
            return self._expired
        return known

    def _read(self, certificate: bytes) -> Identity | Reply:
        try:
            read = x509.load_der_x509_certificate(certificate)
            (subject,) = self._names(read)
            principal = Principal(
                subject=subject,
                method=METHOD,
                roles=self._roles.get(subject, frozenset()),
                expires=read.not_valid_after_utc.timestamp(),
            )
            return Identity(principal, identity_fields(principal)) if subject else self._unusable
        except (ValueError, *_UNREADABLE):
            return self._unusable
