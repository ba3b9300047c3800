import asyncio

import pytest

from shelfport.adapters.runtime.wake import Wake


@pytest.mark.looptime
async def test_a_wait_ends_at_a_wake_up_or_in_time() -> None:
    """A wait ends at a wake-up, or after its time; an earlier wake-up ends it at once."""
    wake, loop = Wake(), asyncio.get_running_loop()

    async def waited(seconds: float) -> float:
        began = loop.time()
        await wake.wait(seconds)
        return loop.time() - began

    assert 5 == await waited(5)
    loop.call_later(2, wake.wake)
    assert 2 == await waited(5)
    wake.wake()
    assert 0 == await waited(5)
    assert 5 == await waited(5)


async def test_a_wake_up_from_another_thread() -> None:
    """Another thread can wake a worker that waits in the loop."""
    wake = Wake()
    waiting = asyncio.create_task(wake.wait(60))
    await asyncio.sleep(0)

    await asyncio.to_thread(wake.wake)

    await asyncio.wait_for(waiting, 5)


def test_waits_in_one_loop_after_another() -> None:
    """A wait in a second event loop works as in the first; an earlier wake-up ends it at once."""
    wake = Wake()
    asyncio.run(wake.wait(0.01))
    wake.wake()

    async def wait() -> None:
        await wake.wait(60)

        asyncio.get_running_loop().call_later(0.01, wake.wake)
        await wake.wait(60)

    asyncio.run(asyncio.wait_for(wait(), 5))


async def test_a_wake_up_between_two_waits() -> None:
    """A wake-up that arrives just after a wait ended ends the next one."""
    wake = Wake()
    waiting = asyncio.create_task(wake.wait(60))
    await asyncio.sleep(0)
    waiting.cancel()
    wake.wake()
    await asyncio.wait({waiting})

    await asyncio.wait_for(wake.wait(60), 5)
