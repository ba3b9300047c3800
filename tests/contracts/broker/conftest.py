"""The broker of the tests: the double, or the real one that PACT_BROKER_BASE_URL names."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import attrs
import msgspec
import pytest

from shelfport.contracts.broker import BrokerAccess
from shelfport.contracts.pact_files import PactFiles, packaged_pacts, read_pacts
from tests.contracts.broker.double import BrokerDouble, running
from tests.support.services import unique

collect_ignore = [] if os.environ.get("SHELFPORT_LONG") else ["test_client_at_length.py"]


@attrs.frozen
class Parties:
    """A consumer and a provider with unique names at the broker, and the pact between them."""

    access: BrokerAccess
    consumer: str
    provider: str
    folder: Path

    def pacts(self, change: dict[str, Any] | None = None) -> PactFiles:
        """The packaged pact under these names; with `change`, members of it are replaced."""
        with packaged_pacts() as packaged:
            pact: dict[str, Any] = msgspec.json.decode(packaged.paths[0].read_bytes())
        pact |= {"consumer": {"name": self.consumer}, "provider": {"name": self.provider}}
        path = self.folder / "pact.json"
        path.write_bytes(msgspec.json.encode(pact | (change or {})))
        return read_pacts([path])


@pytest.fixture
async def parties(tmp_path: Path) -> AsyncIterator[Parties]:
    names = (unique("consumer"), unique("provider"), tmp_path)
    if os.environ.get("PACT_BROKER_BASE_URL"):
        yield Parties(BrokerAccess.from_environment(None, os.environ), *names)
        return
    async with running(BrokerDouble(token="sesame")) as broker:
        access = BrokerAccess.from_environment(broker.url, {"PACT_BROKER_TOKEN": "sesame"})
        yield Parties(access, *names)
