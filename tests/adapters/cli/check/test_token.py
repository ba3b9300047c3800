"""The check `token`: where the credentials come from, when they expire, and why there are none."""

import base64
import json
from pathlib import Path
from time import time
from typing import Any

import pytest

from shelfport.contracts.sandbox import Sandbox
from tests.adapters.cli.conftest import Shelfport
from tests.support.servers import always, serving


def a_jwt(**claims: Any) -> str:
    """A JSON Web Token with a signature that is not checked."""
    parts = (json.dumps(part).encode() for part in ({"alg": "none"}, claims))
    head, body = (base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
    return f"{head}.{body}.c2ln"


async def check_token(
    call: Shelfport, sandbox: Sandbox, **variables: Any
) -> tuple[int | None, str]:
    """The exit code, and the lines of the check `token`."""
    done = await call("check", "--base-url", sandbox.url, **variables)
    lines = done.out.split("Checks\n")[1].splitlines()
    at = next(n for n, line in enumerate(lines) if line.strip().startswith("token"))
    return done.code, " ".join("\n".join(lines[at : at + 2]).split())


async def test_a_secret_of_the_settings(call_shelfport: Shelfport, sandbox: Sandbox) -> None:
    """A token without an expiry date passes; the token is not printed."""
    code, text = await check_token(call_shelfport, sandbox, SHELFPORT_TOKEN="very-secret")

    assert (0, True) == (code, "ok the bearer token comes from the settings" in text)
    assert "very-secret" not in text


@pytest.mark.parametrize(
    ("seconds", "code", "words"),
    [
        (10 * 86_400 + 60, 0, "and is valid for 10 days"),
        (5400, 0, "and is valid for 1.5 hours"),
        (-60, 1, "failed the bearer token comes from the settings, and expired at"),
    ],
)
async def test_a_token_with_an_expiry_date(
    call_shelfport: Shelfport, sandbox: Sandbox, seconds: int, code: int, words: str
) -> None:
    """The check prints how long a JSON Web Token is valid; an expired one fails, without a read."""
    token = a_jwt(exp=time() + seconds)
    ended, text = await check_token(call_shelfport, sandbox, SHELFPORT_TOKEN=token)

    assert (code, True) == (ended, words in text), text
    assert (1 - code) == len(sandbox.journal)


@pytest.mark.parametrize("token", ["a.b.c", "a.!!.c", a_jwt(exp="soon"), a_jwt(exp=1e300), a_jwt()])
async def test_a_token_without_an_expiry_date(
    call_shelfport: Shelfport, sandbox: Sandbox, token: str
) -> None:
    """A token that is not a readable JSON Web Token passes without an expiry date."""
    code, text = await check_token(call_shelfport, sandbox, SHELFPORT_TOKEN=token)

    assert (0, False) == (code, "valid for" in text)


async def test_a_secret_s_file(call_shelfport: Shelfport, sandbox: Sandbox, tmp_path: Path) -> None:
    """The check names a file as the source; a missing file fails with advice."""
    path = tmp_path / "key"
    variables: dict[str, Any] = {
        "SHELFPORT_AUTH_SCHEME": "api_key",
        "SHELFPORT_AUTH_SECRET_FILE": str(path),
    }
    absent = await check_token(call_shelfport, sandbox, **variables)
    path.write_text("key")
    present = await check_token(call_shelfport, sandbox, **variables)

    assert (1, True) == (absent[0], "correct the setting, or the file" in absent[1])
    assert (0, True) == (present[0], "the API key comes from a file" in present[1])


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        ((200, {"access_token": "t", "token_type": "Bearer", "expires_in": 300}), 0, "for 300 s"),
        ((401, {"error": "invalid_client"}), 1, "it answered 401 (invalid_client)"),
    ],
)
async def test_a_token_is_fetched(
    call_shelfport: Shelfport,
    sandbox: Sandbox,
    answer: tuple[int, dict[str, Any]],
    code: int,
    words: str,
) -> None:
    """With client credentials the check fetches a token, or prints the endpoint's refusal."""
    status, body = answer
    async with serving(always(body, status)) as endpoint:
        ended, text = await check_token(
            call_shelfport,
            sandbox,
            SHELFPORT_AUTH_SCHEME="client_credentials",
            SHELFPORT_AUTH_TOKEN_URL=f"{endpoint.url}/token",
            SHELFPORT_AUTH_CLIENT_ID="shop",
            SHELFPORT_AUTH_SECRET="s3cret",
        )

    assert (code, True) == (ended, words in text), text
