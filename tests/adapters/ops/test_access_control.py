from collections.abc import Mapping

import pytest
from typed_settings import Secret

from shelfport.adapters.ops.access_control import COOKIE, SESSION, AccessControl, is_own
from shelfport.adapters.ops.request import OpsRequest

TOKEN = "sixteen letters!"


async def nothing() -> bytes:
    return b""


def a_request(
    peer: str | None = "127.0.0.1",
    headers: Mapping[str, str] | None = None,
    *,
    secure: bool = False,
) -> OpsRequest:
    return OpsRequest(
        method="GET",
        path="/",
        query={},
        headers={"host": "localhost:8000", **(headers or {})},
        peer=peer,
        secure=secure,
        read=nothing,
    )


class Time:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 1_000_000.0

    def __call__(self) -> float:
        return self.seconds


def test_a_short_token_is_none() -> None:
    """A token that could be guessed is refused when the page is made."""
    with pytest.raises(ValueError, match="15 characters: it must have at least 16"):
        AccessControl(Secret("x" * 15))


@pytest.mark.parametrize(
    ("peer", "headers", "admitted"),
    [
        ("127.0.0.1", {}, True),
        ("::1", {"host": "[::1]:8000"}, True),
        ("127.9.9.9", {"host": "ops.localhost"}, True),
        ("10.0.0.7", {}, False),
        (None, {}, False),
        ("127.0.0.1", {"host": "rebound.example"}, False),
        ("127.0.0.1", {"host": ""}, False),
        ("127.0.0.1", {"host": "[["}, False),
        ("127.0.0.1", {"x-forwarded-for": "127.0.0.1"}, False),
        ("127.0.0.1", {"forwarded": "for=1.2.3.4"}, False),
        ("127.0.0.1", {"via": "1.1 proxy"}, False),
        ("not an address", {}, False),
    ],
    ids=str,
)
def test_without_a_token_this_machine_is_admitted(
    peer: str | None, headers: dict[str, str], admitted: bool
) -> None:
    """Without a token, only direct requests from this machine are admitted."""
    assert admitted is AccessControl(None).admits(a_request(peer, headers))


def test_with_a_token_this_machine_shows_it_as_well() -> None:
    """A token is asked of everybody: a proxy on this machine must not let others in."""
    assert not AccessControl(Secret(TOKEN)).admits(a_request())


def cookie_of(access: AccessControl, *, secure: bool = False) -> tuple[str, str]:
    """The cookie that a browser sends back, and the attributes that it came with."""
    pair, _, attributes = access.session_cookie(a_request(secure=secure)).partition("; ")
    return pair, attributes


def test_a_session_ends() -> None:
    """The cookie of a login is valid for twelve hours, from any address."""
    now = Time()
    access = AccessControl(Secret(TOKEN), now)
    request = a_request("10.0.0.7", {"cookie": cookie_of(access)[0]})
    before = access.admits(request)
    now.seconds += SESSION - 1
    last = access.admits(request)
    now.seconds += 1

    assert (True, True, False) == (before, last, access.admits(request))


def test_a_session_is_of_its_token() -> None:
    """Another token ends all sessions."""
    pair, _ = cookie_of(AccessControl(Secret("another secret token")))

    assert not AccessControl(Secret(TOKEN)).admits(a_request(headers={"cookie": pair}))


@pytest.mark.parametrize(
    "value", ["", ".", "9999999999", "9999999999.", "9999999999.00", "²²².x", "9" * 400 + ".x", "é"]
)
def test_a_forged_session_is_none(value: str) -> None:
    """A cookie with a wrong signature is no session, and no error."""
    access = AccessControl(Secret(TOKEN))

    assert not access.admits(a_request(headers={"cookie": f"{COOKIE}={value}"}))


def test_a_later_end_needs_another_signature() -> None:
    """Another date in the cookie does not prolong the session."""
    access = AccessControl(Secret(TOKEN))
    pair, _ = cookie_of(access)
    until, _, signature = pair.partition("=")[2].partition(".")
    longer = f"{COOKIE}={int(until) + 1}.{signature}"

    assert not access.admits(a_request(headers={"cookie": longer}))


def test_no_script_reads_the_cookie() -> None:
    """It goes to this site's own pages alone, over https alone where there is https."""
    access = AccessControl(Secret(TOKEN))

    assert f"Max-Age={SESSION}; HttpOnly; SameSite=Strict" == cookie_of(access)[1]
    assert cookie_of(access, secure=True)[1].endswith("; Secure")


@pytest.mark.parametrize(
    ("headers", "own"),
    [
        ({}, True),
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "same-site"}, False),
        ({"origin": "http://localhost:8000"}, True),
        ({"origin": "http://localhost:9000"}, False),
        ({"origin": "null"}, False),
        ({"sec-fetch-site": "cross-site", "origin": "http://localhost:8000"}, False),
    ],
    ids=str,
)
def test_a_form_of_another_site_is_not_ours(headers: dict[str, str], own: bool) -> None:
    """The headers of older and newer browsers say which site a form comes from."""
    assert own is is_own(a_request(headers=headers))
