"""`Identity`: makes the credentials of requests from the settings."""

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
    read_secret_file,
)
from shelfport.adapters.http.transport.auth.oauth import ClientCredentials, TokenEndpoint
from shelfport.adapters.http.transport.reloading_file import ReloadingFile
from shelfport.adapters.http.transport.session import Session
from shelfport.adapters.runtime.background import Background
from shelfport.ports import Clock


class Identity:
    """The client's identity: its credentials, and the file that they are read from, if any.

    Args:
        options: the scheme and its secret.
        secret: the host's own source of the secret, in place of one in `options`.
        session: tokens are fetched through it.
        clock: dates tokens.
        background: runs the fetching of tokens.

    Raises:
        ValueError: the scheme needs a secret, and there is none, or there are two.
    """

    def __init__(
        self,
        options: AuthOptions,
        secret: HostSecret | None,
        session: Session,
        clock: Clock,
        background: Background,
    ) -> None:
        self.secret_file: ReloadingFile[Secret[str]] | None = None
        self.credentials: Credentials | None = None
        if options.scheme == "none" and secret is None:
            return
        source = self._source(options, secret)
        if options.scheme == "client_credentials":
            endpoint = TokenEndpoint(options.token_url or "", options, source, session)
            source = ClientCredentials(
                endpoint, clock, background, refresh_before=options.refresh_before
            )
        if options.scheme == "api_key":
            self.credentials = Credentials(source, options.header, prefix="")
        else:
            self.credentials = Credentials(source, hdrs.AUTHORIZATION, prefix="Bearer ")

    @property
    def sent(self) -> Sequence[Secret[str]]:
        """The latest secrets that were sent: the service may quote them."""
        return () if self.credentials is None else self.credentials.sent

    def _source(self, options: AuthOptions, secret: HostSecret | None) -> SecretSource:
        if secret is not None:
            if options.secret is not None or options.secret_file is not None:
                raise ValueError(
                    "there are two secrets, one in the settings (auth) and the host's callable: "
                    "keep one of them"
                )
            return CallableSecret(secret)
        if options.secret_file is not None:
            self.secret_file = read_secret_file(options.secret_file)
            return FileSecret(self.secret_file)
        if options.secret is None:
            raise ValueError(
                f"auth.scheme is {options.scheme}, but there is no secret: set auth.secret, "
                "auth.secret_file, or pass a callable"
            )
        return FixedSecret(options.secret)
