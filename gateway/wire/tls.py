"""TLS on both sides: what is offered to clients, and how endpoints prove who they are.

An `SSLContext` is made from settings once, when the gateway starts. TLS 1.2 with forward secrecy and
authenticated encryption is the least on either side. HTTP/1.1 is all that is offered, since it is all that is
spoken here.
"""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from gateway.config.snapshot import Address, Certificate, ListenerTls, UpstreamTls

# Of TLS 1.2; those of 1.3 are all modern and need no choice.
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
_PROTOCOLS = ["http/1.1"]
_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
_CLIENTS = {None: ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}

# Bytes of a TLS connection unsent before its writer has to pause; the socket below holds as many again.
WRITE_AT_MOST = 64 * 1024


@final
@dataclass(frozen=True, slots=True)
class ClientTls:
    """TLS towards one endpoint, whose certificate has to be for `name`, a DNS name or an IP address."""

    context: ssl.SSLContext
    name: str


def server_context(settings: ListenerTls) -> ssl.SSLContext:
    """What a listener speaks; the name that a client asks for (SNI) chooses the certificate.

    Raises OSError, which names the file.
    """
    contexts = [_server_context(settings, certificate) for certificate in settings.certificates]
    if len(contexts) > 1:
        contexts[0].sni_callback = Choice(settings.certificates, contexts)
    return contexts[0]


def client_context(settings: UpstreamTls) -> ssl.SSLContext:
    """What is spoken with the endpoints of an upstream. Raises OSError, which names the file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _modernise(context)
    # RFC 9525 6.3: the common name of a subject is no name of a service.
    context.hostname_checks_common_name = False
    if settings.ca:
        _trust(context, settings.ca)
    else:
        context.load_default_certs()
    if settings.certificate is not None:
        _show(context, settings.certificate)
    return context


def client_tls(settings: UpstreamTls, addresses: Sequence[Address]) -> list[ClientTls | None]:
    """TLS towards each of the addresses, None where it is not spoken. Raises OSError."""
    if not any(address.tls for address in addresses):
        return [None] * len(addresses)
    context = client_context(settings)
    return [
        ClientTls(context, settings.server_name or address.host) if address.tls else None
        for address in addresses
    ]


@final
class Choice:
    """The `sni_callback` of the first context: chooses by the name that a client asks for.

    The same name comes before a wildcard; for no name and for one that nobody has, it is the first.
    """

    __slots__ = ("_exact", "_first", "_wild")

    def __init__(self, certificates: Sequence[Certificate], contexts: Sequence[ssl.SSLContext]) -> None:
        self._first = contexts[0]
        self._exact: dict[str, ssl.SSLContext] = {}
        self._wild: dict[str, ssl.SSLContext] = {}
        for certificate, context in zip(certificates, contexts, strict=True):
            for name in certificate.names:
                table = self._wild if name.startswith("*.") else self._exact
                # The first one wins where two are for the same name.
                table.setdefault(name.removeprefix("*."), context)

    def __call__(self, connection: ssl.SSLObject, name: str | None, first: ssl.SSLContext) -> None:
        connection.context = self.context(name)

    def context(self, name: str | None) -> ssl.SSLContext:
        """The one whose certificate is for the name."""
        if name is None:
            return self._first
        name = name.lower()
        # RFC 9525 6.3: a wildcard stands for one whole label.
        return self._exact.get(name) or self._wild.get(name.partition(".")[2], self._first)


def _server_context(settings: ListenerTls, certificate: Certificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _modernise(context)
    context.minimum_version = _VERSIONS[settings.min_version]
    # What the context that a name chooses says of clients is never looked at, but all say the same.
    context.verify_mode = _CLIENTS[settings.client_auth]
    if settings.client_ca:
        _trust(context, settings.client_ca)
    _show(context, certificate)
    return context


def _modernise(context: ssl.SSLContext) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(_PROTOCOLS)


def _show(context: ssl.SSLContext, certificate: Certificate) -> None:
    try:
        # Where a key has a password, none is asked for on a terminal that nobody watches.
        context.load_cert_chain(certificate.chain, certificate.key, password=bytes)
    except (OSError, ValueError) as error:
        raise _unusable(certificate.chain, error) from None


def _trust(context: ssl.SSLContext, authorities: str) -> None:
    try:
        context.load_verify_locations(authorities)
    except (OSError, ValueError) as error:
        raise _unusable(authorities, error) from None


def _unusable(path: str, error: Exception) -> OSError:
    reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
    return OSError(f"{path}: it cannot be used for TLS: {reason}")
