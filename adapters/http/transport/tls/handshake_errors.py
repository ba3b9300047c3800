"""Translates a failed TLS handshake into a sentence that names the cause."""

import re
import ssl
from typing import Final

import attrs

from shelfport.domain.model import InsecureConnection, InventoryError, Unauthorized

_VERIFICATION: Final = {
    9: "the service's certificate is not valid yet: are both clocks right?",
    10: "the service's certificate has expired",
    18: "the service's certificate is self-signed, and is not trusted",
    19: "the service's certificate comes from an authority that is not trusted (tls.ca_file)",
    20: "the service's certificate comes from an authority that is not trusted (tls.ca_file)",
    21: "the service's certificate comes from an authority that is not trusted (tls.ca_file)",
    23: "the service's certificate is revoked",
    62: "the service's certificate is for another host name than base_url has",
    64: "the service's certificate is for another address than base_url has",
}
"""Keys are the X509_V_ERR codes of OpenSSL."""

_NO_CERTIFICATE = "the service requires a client certificate: set tls.cert_file"
_BAD_CERTIFICATE = "the service does not accept our certificate (tls.cert_file)"
_NO_VERSION = "the service does not support the TLS version that tls.minimum requires"
_NO_AGREEMENT = (
    "the service ended the handshake: it requires a client certificate (tls.cert_file), or another "
    "cipher or version of TLS"
)
_ALERTS: Final[dict[str, tuple[type[InventoryError], str]]] = {
    "CERTIFICATE_REQUIRED": (Unauthorized, _NO_CERTIFICATE),
    "NO_CERTIFICATE": (Unauthorized, _NO_CERTIFICATE),
    "CERTIFICATE_EXPIRED": (Unauthorized, f"{_BAD_CERTIFICATE}: it has expired"),
    "CERTIFICATE_REVOKED": (Unauthorized, f"{_BAD_CERTIFICATE}: it is revoked"),
    "UNKNOWN_CA": (Unauthorized, f"{_BAD_CERTIFICATE}: it does not know its authority"),
    "BAD_CERTIFICATE": (Unauthorized, _BAD_CERTIFICATE),
    "UNSUPPORTED_CERTIFICATE": (Unauthorized, _BAD_CERTIFICATE),
    "CERTIFICATE_UNKNOWN": (Unauthorized, _BAD_CERTIFICATE),
    "ACCESS_DENIED": (Unauthorized, _BAD_CERTIFICATE),
    "PROTOCOL_VERSION": (InsecureConnection, _NO_VERSION),
    "HANDSHAKE_FAILURE": (InsecureConnection, _NO_AGREEMENT),
    "INSUFFICIENT_SECURITY": (InsecureConnection, _NO_AGREEMENT),
}
"""Keys are the names of alerts (RFC 8446 §6.2), without OpenSSL's prefix."""
_OURS: Final = {
    "UNSUPPORTED_PROTOCOL": _NO_VERSION,
    "NO_PROTOCOLS_AVAILABLE": _NO_VERSION,
    "WRONG_VERSION_NUMBER": "what answers speaks no TLS: must base_url begin with http://?",
    "HTTP_REQUEST": "what answers speaks no TLS: must base_url begin with http://?",
    "PACKET_LENGTH_TOO_LONG": "what answers speaks no TLS: must base_url begin with http://?",
    "RECORD_LAYER_FAILURE": "what answers speaks no TLS: must base_url begin with http://?",
}


@attrs.frozen
class TlsFailure:
    """Why a handshake failed, and the class of the port's error."""

    kind: type[InventoryError]
    sentence: str


def tls_failure(error: BaseException) -> TlsFailure | None:
    """The TLS failure behind `error`; None if there is none, or none that needs a person.

    In TLS 1.3 the service refuses a client certificate after the handshake, so the failure may be
    the cause of a connection error: the causes of `error` are searched, too.
    """
    found = _ssl_error(error)
    if found is None:
        return None
    if isinstance(found, ssl.SSLCertVerificationError):
        sentence = _VERIFICATION.get(
            found.verify_code, f"the service's certificate is not valid: {found.verify_message}"
        )
        return TlsFailure(InsecureConnection, sentence)
    reason = found.reason or ""
    alert = re.search(r"ALERT_(\w+)", reason)
    if alert is not None and alert[1] in _ALERTS:
        return TlsFailure(*_ALERTS[alert[1]])
    if reason in _OURS:
        return TlsFailure(InsecureConnection, _OURS[reason])
    return None


def _ssl_error(error: BaseException | None) -> ssl.SSLError | None:
    """The first error of the TLS library among `error` and its causes.

    aiohttp's own subclasses of `SSLError` have no reason, so they are skipped.
    """
    while error is not None:
        if isinstance(error, ssl.SSLError) and getattr(error, "reason", None):
            return error
        error = error.__cause__ or error.__context__
    return None
