"""`Identity`: from the settings to the credentials of every request."""

from collections.abc import Sequence

from aiohttp import hdrs
from typed_settings import Secret

from shelfport.adapters.http.transport.auth.credentials import (
    AuthOptions,
    CallableSecret,
    Credentials,
    FileSecret,
    FixedSecret,
    HostSecret,
    SecretSource,
    secret_file,
)
from shelfport.adapters.http.transport.auth.oauth import ClientCredentials, TokenEndpoint
from shelfport.adapters.http.transport.reloading_file import ReloadingFile
from shelfport.adapters.http.transport.session import Session
from shelfport.adapters.runtime.background import Background
from shelfport.ports import Clock


class Identity:
    """Who asks: the credentials, if there are any, and the file that they come from, if they do.

    Args:
        options: the scheme and its secret.
        secret: the host's own source, in place of a secret in `options`.
        session: tokens are bought through it.
        clock: dates them.
        background: owns the purchases.

    Raises:
        ValueError: the scheme wants a secret, and there is none, or there are two.
    """

    def __init__(
        self,
        options: AuthOptions,
        secret: HostSecret | None,
        session: Session,
        clock: Clock,
        background: Background,
    ) -> None:
        self.watched: ReloadingFile[Secret[str]] | None = None
        self.credentials: Credentials | None = None
        if options.scheme == "none" and secret is None:
            return
        source = self._source(options, secret)
        if options.scheme == "client_credentials":
            shop = TokenEndpoint(options.token_url or "", options, source, session)
            source = ClientCredentials(
                shop, clock, background, refresh_before=options.refresh_before
            )
        if options.scheme == "api_key":
            self.credentials = Credentials(source, options.header, prefix="")
        else:
            self.credentials = Credentials(source, hdrs.AUTHORIZATION, prefix="Bearer ")

    @property
    def presented(self) -> Sequence[Secret[str]]:
        """The latest secrets that were presented: a service may quote them."""
        return () if self.credentials is None else self.credentials.presented

    def _source(self, options: AuthOptions, secret: HostSecret | None) -> SecretSource:
        if secret is not None:
            if options.secret is not None or options.secret_file is not None:
                raise ValueError(
                    "there are two secrets: one of the settings (auth), one of the host's callable"
                )
            return CallableSecret(secret)
        if options.secret_file is not None:
            self.watched = secret_file(options.secret_file)
            return FileSecret(self.watched)
        if options.secret is None:
            raise ValueError(
                f"auth.scheme is {options.scheme}, but there is no secret: set auth.secret, "
                "auth.secret_file, or give a callable"
            )
        return FixedSecret(options.secret)
