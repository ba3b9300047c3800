"""`check` and the credentials: where they come from, how long they last, and why there are none."""

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
    """A JSON Web Token, as far as anybody reads it here."""
    parts = (json.dumps(part).encode() for part in ({"alg": "none"}, claims))
    head, body = (base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
    return f"{head}.{body}.c2ln"


async def told(call: Shelfport, sandbox: Sandbox, **variables: Any) -> tuple[int | None, str]:
    """The exit code, and the lines about the token."""
    done = await call("check", "--base-url", sandbox.url, **variables)
    lines = done.out.split("Checks\n")[1].splitlines()
    at = next(n for n, line in enumerate(lines) if line.strip().startswith("token"))
    return done.code, " ".join("\n".join(lines[at : at + 2]).split())


async def test_a_secret_of_the_settings(call_shelfport: Shelfport, sandbox: Sandbox) -> None:
    """A token that says nothing of its end is there; it is shown nowhere."""
    code, said = await told(call_shelfport, sandbox, SHELFPORT_TOKEN="very-secret")

    assert (0, True) == (code, "ok the bearer token comes from the settings" in said)
    assert "very-secret" not in said


@pytest.mark.parametrize(
    ("seconds", "code", "words"),
    [
        (10 * 86_400 + 60, 0, "and lasts 10 days"),
        (5400, 0, "and lasts 1.5 hours"),
        (-60, 1, "failed the bearer token comes from the settings, and ended at"),
    ],
)
async def test_a_token_that_says_its_end(
    call_shelfport: Shelfport, sandbox: Sandbox, seconds: int, code: int, words: str
) -> None:
    """How long a JSON Web Token lasts is told; one that has ended fails, and nothing is read."""
    token = a_jwt(exp=time() + seconds)
    ended, said = await told(call_shelfport, sandbox, SHELFPORT_TOKEN=token)

    assert (code, True) == (ended, words in said), said
    assert (1 - code) == len(sandbox.journal)


@pytest.mark.parametrize("token", ["a.b.c", "a.!!.c", a_jwt(exp="soon"), a_jwt(exp=1e300), a_jwt()])
async def test_what_says_no_end_is_no_failure(
    call_shelfport: Shelfport, sandbox: Sandbox, token: str
) -> None:
    """Three parts do not make a JSON Web Token; what cannot be read is presented as it is."""
    code, said = await told(call_shelfport, sandbox, SHELFPORT_TOKEN=token)

    assert (0, False) == (code, "lasts" in said)


async def test_a_secret_s_file(call_shelfport: Shelfport, sandbox: Sandbox, tmp_path: Path) -> None:
    """A file is named as such; one that is not there fails with what to do."""
    path = tmp_path / "key"
    variables: dict[str, Any] = {
        "SHELFPORT_AUTH_SCHEME": "api_key",
        "SHELFPORT_AUTH_SECRET_FILE": str(path),
    }
    absent = await told(call_shelfport, sandbox, **variables)
    path.write_text("key")
    there = await told(call_shelfport, sandbox, **variables)

    assert (1, True) == (absent[0], "correct the setting, or the file" in absent[1])
    assert (0, True) == (there[0], "the API key comes from a file" in there[1])


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        ((200, {"access_token": "t", "token_type": "Bearer", "expires_in": 300}), 0, "for 300 s"),
        ((401, {"error": "invalid_client"}), 1, "it answered 401 (invalid_client)"),
    ],
)
async def test_a_token_is_bought(
    call_shelfport: Shelfport,
    sandbox: Sandbox,
    answer: tuple[int, dict[str, Any]],
    code: int,
    words: str,
) -> None:
    """With client credentials the check buys a token, or says why none was sold."""
    status, body = answer
    async with serving(always(body, status)) as shop:
        ended, said = await told(
            call_shelfport,
            sandbox,
            SHELFPORT_AUTH_SCHEME="client_credentials",
            SHELFPORT_AUTH_TOKEN_URL=f"{shop.url}/token",
            SHELFPORT_AUTH_CLIENT_ID="shop",
            SHELFPORT_AUTH_SECRET="s3cret",
        )

    assert (code, True) == (ended, words in said), said
