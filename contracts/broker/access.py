"""`BrokerAccess`: the address of the Pact broker, and the credentials for it."""

import base64
from collections.abc import Mapping
from typing import Any, Final

import aiohttp
import attrs
import msgspec
from typed_settings import Secret
from yarl import URL

from shelfport.adapters.runtime.secret_text import optional_secret
from shelfport.contracts.errors import ContractsError, reason_of

URL_VARIABLE: Final = "PACT_BROKER_BASE_URL"
TOKEN_VARIABLE: Final = "PACT_BROKER_TOKEN"  # noqa: S105 - a name
USERNAME_VARIABLE: Final = "PACT_BROKER_USERNAME"
PASSWORD_VARIABLE: Final = "PACT_BROKER_PASSWORD"  # noqa: S105 - a name

_TIMEOUT = aiohttp.ClientTimeout(total=10)
_HOW_TO = f"set {TOKEN_VARIABLE}, or {USERNAME_VARIABLE} and {PASSWORD_VARIABLE}"


@attrs.frozen(kw_only=True)
class BrokerAccess:
    """A broker and the credentials for it: a bearer token, or a name and a password, or none.

    Secrets come from the environment, and the tool gets them through its environment: every user
    of the machine can read a command line, and it ends up in logs.
    """

    url: str
    token: Secret[str] | None = None
    username: str | None = None
    password: Secret[str] | None = None

    @classmethod
    def from_environment(cls, url: str | None, environment: Mapping[str, str]) -> "BrokerAccess":
        """The broker at `url`, or at PACT_BROKER_BASE_URL, with the environment's credentials.

        Raises:
            ValueError: the address is missing or not valid, or both kinds of credentials are set,
                or only a part of one; one sentence without any secret.
        """
        given = url or environment.get(URL_VARIABLE)
        if not given:
            raise ValueError(f"no Pact broker is given: give --broker, or set {URL_VARIABLE}")
        token = optional_secret(environment.get(TOKEN_VARIABLE) or None)
        username = environment.get(USERNAME_VARIABLE) or None
        password = optional_secret(environment.get(PASSWORD_VARIABLE) or None)
        if token and (username or password):
            raise ValueError(
                f"{TOKEN_VARIABLE} and {USERNAME_VARIABLE} or {PASSWORD_VARIABLE} are both set: "
                "set one of them"
            )
        if (username is None) != (password is None):
            raise ValueError(
                f"{USERNAME_VARIABLE} and {PASSWORD_VARIABLE} belong together: set both"
            )
        return cls(url=_address(given), token=token, username=username, password=password)

    @property
    def variables(self) -> dict[str, str]:
        """The tool's environment variables for this broker."""
        every = {
            URL_VARIABLE: self.url,
            TOKEN_VARIABLE: self.token,
            USERNAME_VARIABLE: self.username,
            PASSWORD_VARIABLE: self.password,
        }
        return {
            name: value.get_secret_value() if isinstance(value, Secret) else value
            for name, value in every.items()
            if value is not None
        }

    async def check(self) -> None:
        """Request the broker's index: the tool would retry, and report less of the cause.

        Raises:
            ContractsError: the broker does not answer or refuses the credentials, or the server
                is no broker.
        """
        headers = {"Accept": "application/hal+json"} | self._authorization()
        try:
            async with (
                aiohttp.ClientSession(timeout=_TIMEOUT, trust_env=True) as session,
                session.get(self.url, headers=headers) as response,
            ):
                status, kind, body = response.status, response.content_type, await response.read()
        except TimeoutError as error:
            raise ContractsError(
                f"the Pact broker at {self.url} gave no answer within {_TIMEOUT.total:g} s"
            ) from error
        except (aiohttp.ClientError, OSError) as error:
            raise ContractsError(
                f"the Pact broker at {self.url} cannot be reached: {reason_of(error)}"
            ) from error
        if status in (401, 403):
            answer = f"the Pact broker at {self.url} answers {status}"
            raise ContractsError(
                f"{answer}: it does not accept the credentials of the environment"
                if self._authorization()
                else f"{answer}: it requires credentials; {_HOW_TO}"
            )
        if status != 200 or not _has_links(body):
            raise ContractsError(
                f"there is no Pact broker at {self.url}: it answered {status} with {kind}"
            )

    def _authorization(self) -> dict[str, str]:
        if self.token is not None:
            return {"Authorization": f"Bearer {self.token.get_secret_value()}"}
        if self.username is not None and self.password is not None:
            pair = f"{self.username}:{self.password.get_secret_value()}"
            return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
        return {}


def _address(text: str) -> str:
    try:
        address = URL(text)
    except ValueError as error:
        raise ValueError(f"the Pact broker's address is not valid: {error}") from error
    if address.user or address.password:
        raise ValueError(f"the Pact broker's address has credentials in it: {_HOW_TO} instead")
    if address.scheme not in ("http", "https") or not address.host:
        raise ValueError(
            f"the Pact broker's address is {text!r}: http://host or https://host is expected"
        )
    return str(address).rstrip("/")


def _has_links(body: bytes) -> bool:
    try:
        index: Any = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return False
    return isinstance(index, dict) and "pb:publish-contracts" in index.get("_links", {})
