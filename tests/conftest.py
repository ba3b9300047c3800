"""What holds for every test."""

import asyncio


def pytest_configure() -> None:
    # On Python 3.11 pytest-asyncio asks for "the current loop" before the first test, which makes
    # one that nobody closes. Saying that there is none keeps it from being made.
    asyncio.set_event_loop(None)
