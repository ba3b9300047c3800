"""The rule for real servers: a skip with the reason, or a failure where they are required."""

import pytest

from tests.support.services import Service, address_of, free_port


def test_an_absent_server_is_a_reason_to_skip(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a server, the test is skipped, with the name and address of the server."""
    monkeypatch.delenv("SHELFPORT_REQUIRE_SERVICES", raising=False)
    monkeypatch.setenv("SHELFPORT_TEST_REDIS_URL", f"redis://127.0.0.1:{free_port()}/0")

    with pytest.raises(pytest.skip.Exception, match=r"no REDIS at 127\.0\.0\.1"):
        address_of(Service.REDIS)


def test_a_required_server_that_is_absent_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """With SHELFPORT_REQUIRE_SERVICES=1, no test is skipped for lack of a server."""
    monkeypatch.setenv("SHELFPORT_REQUIRE_SERVICES", "1")
    monkeypatch.setenv("SHELFPORT_TEST_NATS_URL", f"nats://127.0.0.1:{free_port()}")

    with pytest.raises(pytest.fail.Exception, match="SHELFPORT_REQUIRE_SERVICES is set"):
        address_of(Service.NATS)
