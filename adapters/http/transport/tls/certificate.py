"""Reads when a certificate expires.

The standard library does that for a peer's certificate (`getpeercert`) and not for one in a file,
so this walks through the DER to `notAfter`.
"""

import re
import ssl
from datetime import UTC, datetime

_FIRST = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_VERSION = 0xA0
_UTC_TIME, _GENERALIZED_TIME = 0x17, 0x18


def expiry_of_pem(text: str) -> datetime:
    """When the first certificate in `text`, the holder's own, expires (RFC 5280 §4.1.2.5).

    Raises:
        ValueError: there is no certificate, or it cannot be parsed.
    """
    found = _FIRST.search(text)
    if found is None:
        raise ValueError("it holds no certificate")
    try:
        return _expiry_of_der(ssl.PEM_cert_to_DER_cert(found.group()))
    except IndexError as error:
        raise ValueError("its certificate is cut short") from error


def expiry_of_peer(not_after: str) -> datetime:
    """The instant that `SSLObject.getpeercert` gives as `notAfter`."""
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(not_after), UTC)


def _expiry_of_der(der: bytes) -> datetime:
    """Certificate → TBSCertificate → validity → notAfter (RFC 5280 §4.1, in DER)."""
    _, at, _ = _element(der, 0)
    _, at, _ = _element(der, at)
    if der[at] == _VERSION:
        at = _after(der, at)
    for _ in ("serialNumber", "signature", "issuer"):
        at = _after(der, at)
    _, at, _ = _element(der, at)
    at = _after(der, at)  # notBefore
    tag, start, end = _element(der, at)
    text = der[start:end].decode("ascii")
    if tag == _UTC_TIME:  # a year of two digits: below 50 it is in this century
        text = ("20" if text[:2] < "50" else "19") + text
    elif tag != _GENERALIZED_TIME:
        raise ValueError("its validity does not end in a time")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _element(der: bytes, at: int) -> tuple[int, int, int]:
    """The tag of the element at `at`, and where its content begins and ends (X.690 §8.1)."""
    tag, length, at = der[at], der[at + 1], at + 2
    if length & 0x80:
        size = length & 0x7F
        length = int.from_bytes(der[at : at + size])
        at += size
    return tag, at, at + length


def _after(der: bytes, at: int) -> int:
    return _element(der, at)[2]
