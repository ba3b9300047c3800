"""The Inventory Service of a run: a ledger that also fails, hangs, forgets, and restarts."""

import asyncio
import random
import signal
from uuid import UUID

import aiohttp
import msgspec

from shelfport.contracts.sandbox import Faults, Sandbox
from tests.durability.plan import Plan


async def serve(plan: Plan) -> None:
    """Serve until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    chance = plan.chance("service")
    with plan.attempts.open("a") as attempts:
        while not stop.is_set():
            sandbox = Sandbox(ledger=True, store_path=plan.ledger, port=plan.service_port)
            async with sandbox:
                if not sandbox.openings:
                    await _learn_poisoned_keys(plan)
                    sandbox.clear_journal()
                await _live(sandbox, plan, chance, stop)
            posts = (entry for entry in sandbox.journal if entry.method == "POST")
            attempts.writelines(f"{entry.idempotency_key}\n" for entry in posts)
            attempts.flush()


async def _live(sandbox: Sandbox, plan: Plan, chance: random.Random, stop: asyncio.Event) -> None:
    """Some seconds of service, with random faults and an outage in the middle."""
    usual = Faults(
        mode_rates={
            "timeout_after_write": plan.lost_answers,
            "crash_after_write": plan.crashes,
            "late_write": plan.late,
            "refuse": 0.03,
            "hang": 0.01,
            "truncated": 0.01,
        },
        error_rate=0.05,
        latency=plan.latency,
        late_by=1.5,
    )
    for faults, seconds in (
        (usual, chance.uniform(2, 6)),
        (Faults(mode="down"), chance.uniform(0.2, 0.8)),
        (usual, chance.uniform(2, 6)),
    ):
        sandbox.faults = msgspec.structs.replace(faults, seed=chance.getrandbits(32))
        try:
            async with asyncio.timeout(seconds):
                await stop.wait()
                return
        except TimeoutError:
            continue


async def _learn_poisoned_keys(plan: Plan) -> None:
    """Store some keys with another request, so that the service refuses them for good."""
    async with aiohttp.ClientSession(plan.service_url, raise_for_status=True) as session:
        for product in plan.products():
            if product.poisoned is not None:
                await session.post(
                    "/inventory",
                    json={"productVariantId": str(decoy(product.poisoned))},
                    headers={"Idempotency-Key": str(product.poisoned)},
                )


def decoy(key: UUID) -> UUID:
    """The variant of the other request with a poisoned key."""
    return UUID(int=key.int ^ 1)
