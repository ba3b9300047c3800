"""The TLS context of requests: trusted authorities, the client certificate, and their rotation.

Certificates and host names are always verified: no setting turns that off.
"""

import ssl
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

import attrs
from typed_settings import Secret

from shelfport.adapters.http.transport.reloading_file import BadFile, ReloadingFile, because
from shelfport.adapters.http.transport.tls.certificate import expiry_of_peer, expiry_of_pem
from shelfport.adapters.runtime.secret_text import optional_secret
from shelfport.ports.snapshot import TlsSnapshot

MinimumVersion = Literal["1.2", "1.3"]

_VERSIONS: Final[dict[str, ssl.TLSVersion]] = {
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}


def _version(_instance: object, field: "attrs.Attribute[Any]", value: Any) -> None:
    if value not in _VERSIONS:
        raise ValueError(f"{field.name} is {value!r}: it must be {' or '.join(_VERSIONS)}")


@attrs.frozen(kw_only=True)
class TlsOptions:
    """Trusted authorities and the client certificate. Files are PEM, and reloaded on change."""

    ca_file: str | None = None
    """The certificate authorities to trust, in place of the system's.

    Why: by default the system's authorities are trusted; a bundle replaces them."""
    cert_file: str | None = None
    """The client certificate for mutual TLS, followed by the intermediate certificates."""
    key_file: str | None = None
    """The private key of the client certificate; None if it is in `cert_file`."""
    key_password: Secret[str] | None = attrs.field(default=None, converter=optional_secret)
    """The password that the private key is encrypted with. Never printed."""
    minimum: MinimumVersion = attrs.field(default="1.2", validator=_version)
    """The oldest version of TLS that is accepted.

    Why: older versions are broken (RFC 8996); set `1.3` if the service supports it."""

    def __attrs_post_init__(self) -> None:
        if self.cert_file is None:
            for name in ("key_file", "key_password"):
                if getattr(self, name) is not None:
                    raise ValueError(f"{name} is set without cert_file: set both")

    @property
    def files(self) -> tuple[str, ...]:
        """The files that are read, and checked for changes."""
        return tuple(filter(None, (self.ca_file, self.cert_file, self.key_file)))


@attrs.frozen
class _Loaded:
    context: ssl.SSLContext
    own_expires: datetime | None


class Tls:
    """The `ssl.SSLContext` of the requests, made again when its files change.

    An authority cannot be removed from a context, so a new context replaces it. The connections of
    the old one then get no new requests, see `Connector`.

    Args:
        options: the files and the minimum version.
        host: the service's host; the expiry of its certificate is recorded.
    """

    def __init__(self, options: TlsOptions, host: str | None) -> None:
        self._options = options
        self._host = host
        self._service_expires: datetime | None = None
        self.files: ReloadingFile[_Loaded] = ReloadingFile(
            "the TLS files", options.files, self._load
        )

    @property
    def context(self) -> ssl.SSLContext:
        """The context for the next request.

        Raises:
            RuntimeError: `files` were never loaded.
        """
        return self.files.value.context

    def snapshot(self) -> TlsSnapshot:
        """When the certificates expire, as far as it is known. No I/O."""
        return TlsSnapshot(
            own_expires=self.files.value.own_expires, service_expires=self._service_expires
        )

    def _load(self) -> _Loaded:
        options = self._options
        context = ssl.create_default_context(cafile=_readable("ca_file", options.ca_file))
        context.minimum_version = _VERSIONS[options.minimum]
        own_expires = None
        if options.cert_file is not None:
            own_expires = self._load_own(context, options.cert_file)
        context.sslobject_class = _expiry_recorder(self._host, self._record_expiry)
        return _Loaded(context, own_expires)

    def _load_own(self, context: ssl.SSLContext, cert_file: str) -> datetime:
        options = self._options
        _readable("key_file", options.key_file)
        try:
            own_expires = expiry_of_pem(Path(cert_file).read_text("ascii", "replace"))
            # Always pass a function: without one, OpenSSL asks the terminal for the password.
            context.load_cert_chain(cert_file, options.key_file, password=self._password)
        except OSError as error:  # an SSLError is one
            raise BadFile(f"tls.cert_file is {cert_file!r}: {self._why(error)}") from error
        except ValueError as error:
            raise BadFile(f"tls.cert_file is {cert_file!r}: {error}") from error
        return own_expires

    def _password(self) -> str:
        secret = self._options.key_password
        return "" if secret is None else secret.get_secret_value()

    def _why(self, error: OSError) -> str:
        if not isinstance(error, ssl.SSLError):
            return because(error)
        match error.reason or "":
            case "KEY_VALUES_MISMATCH":
                return "its private key belongs to another certificate"
            case "" | "BAD_DECRYPT" | "BAD_PASSWORD_READ":
                if self._options.key_password is None:
                    return (
                        "its private key cannot be read; if it is encrypted, set tls.key_password"
                    )
                return "its private key cannot be read; is tls.key_password right?"
            case reason:
                return f"no certificate and private key in PEM ({reason})"

    def _record_expiry(self, expires: datetime) -> None:
        self._service_expires = expires


def _readable(name: str, file: str | None) -> str | None:
    """`file`, after a check that it holds PEM; None unchanged.

    Raises:
        BadFile: it holds no PEM, or cannot be read.
    """
    if file is None:
        return None
    try:
        text = Path(file).read_text("ascii", "replace")
    except OSError as error:
        raise BadFile(f"tls.{name} is {file!r}: {because(error)}") from error
    if not text.count("-----BEGIN ") == text.count("-----END ") > 0:
        raise BadFile(f"tls.{name} is {file!r}: no PEM, or cut short")
    return file


def _expiry_recorder(host: str | None, record: Callable[[datetime], None]) -> type[ssl.SSLObject]:
    """A class of connections that calls `record` with the expiry of `host`'s certificate.

    It reads the certificate in the handshake, because aiohttp may release the connection of a short
    answer before the adapter can read it.
    """

    class ExpiryRecorder(ssl.SSLObject):
        def do_handshake(self) -> None:
            super().do_handshake()
            certificate = self.getpeercert()
            if certificate and self.server_hostname == host:
                record(expiry_of_peer(str(certificate["notAfter"])))

    return ExpiryRecorder
