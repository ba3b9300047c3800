"""TLS towards the Inventory Service: whom to trust, what to show, and what to do at rotation (R26).

Host names are checked and certificates verified, always: there is no setting to switch that off.
"""

import ssl
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

import attrs
from typed_settings import Secret

from shelfport.adapters.http.transport.reloading_file import BadFile, ReloadingFile, because
from shelfport.adapters.http.transport.secret_text import optional_secret
from shelfport.adapters.http.transport.tls.certificate import expiry_of_peer, expiry_of_pem
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
    """Whom to trust, and what to show. Files are PEM, and read again when they change."""

    ca_file: str | None = None
    """The authorities that may vouch for the service, in place of the system's.

    Why: the system's are trusted where nobody says otherwise; a bundle does not join them."""
    cert_file: str | None = None
    """Our certificate for mutual TLS, followed by those between it and its authority."""
    key_file: str | None = None
    """Its private key; None if that is in `cert_file`, too."""
    key_password: Secret[str] | None = attrs.field(default=None, converter=optional_secret)
    """What the private key is encrypted with. Never printed."""
    minimum: MinimumVersion = attrs.field(default="1.2", validator=_version)
    """The oldest version of TLS that is spoken.

    Why: older versions are broken (RFC 8996); `1.3` where the service has it."""

    def __attrs_post_init__(self) -> None:
        if self.cert_file is None:
            for name in ("key_file", "key_password"):
                if getattr(self, name) is not None:
                    raise ValueError(f"{name} is set, but cert_file is not: whose key is it?")

    @property
    def files(self) -> tuple[str, ...]:
        """The files that are read, and watched."""
        return tuple(filter(None, (self.ca_file, self.cert_file, self.key_file)))


@attrs.frozen
class _Loaded:
    context: ssl.SSLContext
    own_expires: datetime | None


class Tls:
    """The `ssl.SSLContext` of the requests, made anew when its files change.

    A context cannot forget an authority that it once trusted, so a new one takes its place. aiohttp
    keeps connections by the context that they were made with: from the next request on, none of
    before is used, and those that are idle close after aiohttp's 15 seconds.

    Args:
        options: the files and the version.
        host: whose certificate is looked at for its expiry; other hosts' are not the service's.
    """

    def __init__(self, options: TlsOptions, host: str | None) -> None:
        self._options = options
        self._host = host
        self._service_expires: datetime | None = None
        self.watched: ReloadingFile[_Loaded] = ReloadingFile(
            "the TLS files", options.files, self._load
        )

    @property
    def context(self) -> ssl.SSLContext:
        """The context for the next request.

        Raises:
            RuntimeError: `watched` was never loaded.
        """
        return self.watched.value.context

    def snapshot(self) -> TlsSnapshot:
        """What is known of the certificates' ends. No I/O."""
        return TlsSnapshot(
            own_expires=self.watched.value.own_expires, service_expires=self._service_expires
        )

    def _load(self) -> _Loaded:
        options = self._options
        context = ssl.create_default_context(cafile=_readable("ca_file", options.ca_file))
        context.minimum_version = _VERSIONS[options.minimum]
        own_expires = None
        if options.cert_file is not None:
            own_expires = self._load_own(context, options.cert_file)
        context.sslobject_class = _noting(self._host, self._showed)
        return _Loaded(context, own_expires)

    def _load_own(self, context: ssl.SSLContext, cert_file: str) -> datetime:
        options = self._options
        _readable("key_file", options.key_file)
        try:
            own_expires = expiry_of_pem(Path(cert_file).read_text("ascii", "replace"))
            # Always a function: without one, OpenSSL asks the terminal for the password.
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
                return "its private key is another certificate's"
            case "" | "BAD_DECRYPT" | "BAD_PASSWORD_READ":
                if self._options.key_password is None:
                    return (
                        "its private key cannot be read; if it is encrypted, set tls.key_password"
                    )
                return "its private key cannot be read; is tls.key_password right?"
            case reason:
                return f"no certificate and private key in PEM ({reason})"

    def _showed(self, expires: datetime) -> None:
        self._service_expires = expires


def _readable(name: str, file: str | None) -> str | None:
    """`file`, if there is one and it has PEM in it.

    Raises:
        BadFile: it has none, or cannot be read.
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


def _noting(host: str | None, showed: Callable[[datetime], None]) -> type[ssl.SSLObject]:
    """A class for a context's connections that tells `showed` when `host`'s certificate expires.

    Here, because aiohttp lets go of a connection, and with it of the certificate, before anybody
    can ask for it if the answer is short.
    """

    class Noting(ssl.SSLObject):
        def do_handshake(self) -> None:
            super().do_handshake()
            certificate = self.getpeercert()
            if certificate and self.server_hostname == host:
                showed(expiry_of_peer(str(certificate["notAfter"])))

    return Noting
