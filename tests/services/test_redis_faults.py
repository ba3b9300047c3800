"""An unavailable Redis costs callers its timeout, then nothing, and is used again by itself."""

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import pytest
import trustme
from dependency_injector import providers
from redis import Redis as SyncRedis

from shelfport import (
    Container,
    Freshness,
    InventoryIntegration,
    ProductVariantId,
    Settings,
    StockReading,
)
from shelfport.errors import TimedOut
from shelfport.options import CacheOptions, SharedCacheOptions
from shelfport.ports import SharedCacheSnapshot
from shelfport.signals import (
    BackplaneDisconnected,
    BackplaneReconnected,
    BreakerState,
    SharedCacheDown,
    SharedCacheRecovered,
)
from tests.support.figures import Report
from tests.support.listening import Heard
from tests.support.ports import Lively
from tests.support.private_redis import PrivateRedis, private_redis
from tests.support.services import free_port
from tests.support.values import an_id, ids
from tests.support.waiting import until

VIEWS = 1000 if os.environ.get("SHELFPORT_LONG") else 100
PAGE = ids(24)
GENEROUS = 1.0
"""Seconds by which a bound may be missed on a loaded machine."""


@attrs.define
class Replica:
    """One process: an integration on a shared cache, its service, and its signals."""

    inventory: InventoryIntegration[ProductVariantId]
    service: Lively
    heard: Heard

    @property
    def shared(self) -> SharedCacheSnapshot:
        snapshot = self.inventory.snapshot().shared_cache
        assert snapshot is not None
        return snapshot

    @property
    def state(self) -> BreakerState:
        return self.shared.circuit_breaker.state

    async def view(
        self, *variants: ProductVariantId, max_staleness: float | None = None
    ) -> list[Freshness]:
        page = await self.inventory.get_stock_levels(variants, max_staleness=max_staleness)
        assert all(isinstance(stock, StockReading) for stock in page.values()), page
        return [stock.freshness for stock in page.values() if isinstance(stock, StockReading)]


@asynccontextmanager
async def replica(
    url: str | None, cache: CacheOptions | None = None, **options: object
) -> AsyncIterator[Replica]:
    shared = {"timeout": 0.05, "reconnect_interval": 0.1, **options}
    service, heard = Lively(), Heard()
    container = Container(
        settings=providers.Object(
            Settings(
                shared_cache=SharedCacheOptions(url=url, **shared),  # type: ignore[arg-type]  # as they are
                cache=cache or CacheOptions(),
            )
        ),
        adapter=providers.Object(service),
        listener=providers.Object(heard),
    )
    async with container.integration() as inventory:
        yield Replica(inventory, service, heard)


async def opened(it: Replica) -> float:
    """View new pages until the circuit is open; the longest view, in seconds."""
    longest = 0.0
    for _ in range(50):
        began = time.monotonic()
        await it.view(an_id())
        longest = max(longest, time.monotonic() - began)
        if it.state is not BreakerState.CLOSED:
            return longest
    raise AssertionError("the circuit never opened")


async def usable(it: Replica) -> None:
    """Wait until the shared cache is in use again, and the backplane is connected."""
    await until(lambda: it.state is BreakerState.CLOSED and it.shared.backplane_connected)


async def kept(it: Replica, *variants: ProductVariantId) -> None:
    """View variants until they are in the shared cache."""
    async with asyncio.timeout(10):
        await it.view(*variants)
        await until(it.inventory._shared_cache._writes.empty)  # type: ignore[union-attr]  # set
        await asyncio.sleep(0.05)


async def test_frozen(own_redis: PrivateRedis) -> None:
    """A Redis that hangs costs a few callers the timeout; the circuit opens, and later closes."""
    async with replica(own_redis.url) as one, replica(own_redis.url) as other:
        await kept(one, *PAGE)
        own_redis.freeze()
        longest = await opened(other)
        out = other.heard.of(SharedCacheDown)
        own_redis.thaw()
        await usable(other)
        back = await other.view(*PAGE)

    assert longest < 0.05 + GENEROUS
    assert 1 == len(out)
    assert [SharedCacheRecovered()] == other.heard.of(SharedCacheRecovered)
    assert {Freshness.CACHED} == set(back)


async def test_what_a_hung_redis_costs(own_redis: PrivateRedis, report: Report) -> None:
    """A hung Redis slows down only the few views that open the circuit."""

    async def views(it: Replica) -> list[float]:
        took = []
        for _ in range(VIEWS):
            began = time.perf_counter()
            await it.view(*(an_id() for _ in range(24)))
            took.append(time.perf_counter() - began)
        return took

    async with replica(None) as without:
        baseline = await views(without)
    # Long enough that no probe falls into the measurement.
    async with replica(own_redis.url, reconnect_interval=60) as it:
        own_redis.freeze()
        beside = await views(it)
        state, asked = it.state, it.shared.circuit_breaker.calls

    found_out = [seconds for seconds in beside[:3] if seconds > 0.045]
    after, before = sorted(beside[3:]), sorted(baseline[3:])
    report(
        f"{VIEWS} views: {sum(beside):.3f} s beside a hung Redis, {sum(baseline):.3f} s without "
        f"any; {len(found_out)} waited for it ({sum(found_out):.3f} s); after that "
        f"{sum(after):.3f} s against {sum(before):.3f} s, median {after[VIEWS // 2] * 1e6:.0f} µs "
        f"against {before[VIEWS // 2] * 1e6:.0f} µs"
    )
    assert (BreakerState.OPEN, 0) == (state, asked)
    assert 3 == len(found_out)
    # No view has waited for the timeout since: half of them would have to, for this to fail.
    assert after[VIEWS // 2] < before[VIEWS // 2] + 0.045


async def test_killed_and_started_again(own_redis: PrivateRedis) -> None:
    """A Redis that was killed, and comes back empty, is used again; no view is wrong meanwhile."""
    cache = CacheOptions(ttl=60, stale_while_revalidate=0)
    async with replica(own_redis.url, cache) as one, replica(own_redis.url, cache) as other:
        await kept(one, *PAGE)
        own_redis.kill()
        await opened(one)
        during = await one.view(*PAGE)
        own_redis.start()
        await usable(one)
        await usable(other)
        after = await one.view(*PAGE)
        shared = await other.view(*PAGE)

    assert {Freshness.CACHED} == set(during)
    assert {Freshness.LIVE} == set(after)  # announcements meanwhile are lost
    assert {Freshness.CACHED} == set(shared)
    # A server that is starting may accept a listener, and disconnect it once more.
    assert len(one.heard.of(BackplaneDisconnected)) == len(one.heard.of(BackplaneReconnected)) >= 1


async def test_started_again_between_two_views(own_redis: PrivateRedis) -> None:
    """Connections that broke while idle cause no failure."""
    async with replica(own_redis.url, timeout=1.0) as it:
        await kept(it, *PAGE)
        own_redis.kill()
        own_redis.start()
        await asyncio.sleep(0.01)  # idle: the loop notices the end here; the calls above block it
        await it.view(an_id())

        assert BreakerState.CLOSED is it.state
        assert 0 == it.shared.circuit_breaker.failures


async def test_not_there_at_the_start(own_redis: PrivateRedis) -> None:
    """A host starts without its Redis, and uses it as soon as there is one."""
    own_redis.kill()
    async with replica(own_redis.url) as it:
        assert [Freshness.LIVE] == await it.view(an_id())
        assert not it.shared.backplane_connected
        own_redis.start()
        await usable(it)
        await kept(it, *PAGE)

        async with replica(own_redis.url, timeout=1.5) as other:
            assert {Freshness.CACHED} == set(await other.view(*PAGE))


async def takes(redis: "SyncRedis", it: Replica) -> bool:
    """Whether the readings of `it` are stored, if a lookup still returned a token."""
    variant = an_id()
    dropped = it.shared.dropped_writes
    redis.config_set("maxmemory", "0")
    page = asyncio.create_task(it.view(variant))
    it.service.delay = 0.05
    await asyncio.sleep(0.03)
    redis.config_set("maxmemory", "1")
    await page
    await asyncio.sleep(0.03)
    it.service.delay = 0.0
    return it.shared.dropped_writes == dropped


async def test_full(tmp_path: Path) -> None:
    """A full Redis (maxmemory, noeviction) serves its values; rejected writes are counted."""
    with private_redis(tmp_path, "--maxmemory-policy", "noeviction") as server:
        async with replica(server.url) as one, replica(server.url) as other:
            await kept(one, *PAGE)
            with SyncRedis.from_url(server.url) as redis:
                redis.config_set("maxmemory", "1")
                had = await other.view(*PAGE, an_id())
                refused = [await takes(redis, other) for _ in range(5)]
                state = other.state
                redis.config_set("maxmemory", "0")
            await kept(other, a := an_id())
            async with replica(server.url) as third:
                again = await third.view(a)

    assert [*[Freshness.CACHED] * 24, Freshness.LIVE] == had
    assert [False] * 5 == refused
    assert BreakerState.CLOSED is state
    assert [Freshness.CACHED] == again


async def test_a_demoted_primary(own_redis: PrivateRedis) -> None:
    """A Redis that became a replica serves its values, until it is a primary again."""
    async with (
        replica(own_redis.url, timeout=1.0) as one,
        replica(own_redis.url, timeout=1.0) as other,
    ):
        await kept(one, *PAGE)
        with SyncRedis.from_url(own_redis.url) as redis:
            redis.replicaof("127.0.0.1", "1")
            had = await other.view(*PAGE, an_id())
            await other.inventory.request_inventory_initialization(an_id())
            dropped = other.shared.dropped_writes
            redis.replicaof("NO", "ONE")
        await usable(other)
        await kept(other, a := an_id())
        again = await one.view(a)

    assert ([*[Freshness.CACHED] * 24, Freshness.LIVE], 1) == (had, dropped)
    assert [Freshness.CACHED] == again


async def test_a_wrong_password(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """With wrong credentials the shared cache is unavailable; the message does not quote them."""
    caplog.set_level(logging.DEBUG)
    with private_redis(tmp_path, "--requirepass", "right-one") as server:
        wrong = server.url.replace("//", "//:wr0ng-one@")
        async with replica(wrong) as it:
            await opened(it)
            shown = f"{it.inventory!r} {it.heard.signals!r} {caplog.text}"
            [out] = it.heard.of(SharedCacheDown)
        async with replica(server.url.replace("//", "//:right-one@")) as it:
            await kept(it, *PAGE)
            assert (0, 24) == (it.shared.circuit_breaker.failures, it.shared.misses)

    assert "wr0ng-one" not in shown
    assert "invalid username-password pair" in out.why


async def test_encrypted(tmp_path: Path) -> None:
    """rediss:// checks the server's certificate against the given CA, and no other."""
    authority, stranger = trustme.CA(), trustme.CA()
    certificate = authority.issue_cert("localhost")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    stranger.cert_pem.write_to_path(tmp_path / "stranger.pem")
    port = free_port()
    tls = ["--tls-port", str(port), "--tls-cert-file", str(tmp_path / "cert.pem")]
    tls += ["--tls-key-file", str(tmp_path / "key.pem"), "--tls-auth-clients", "no"]
    tls += ["--user", "shop", "on", ">s%cret", "~*", "&*", "+@all"]
    url = f"rediss://shop:s%25cret@localhost:{port}/0"
    with private_redis(tmp_path, *tls):
        async with replica(url, ca_file=str(tmp_path / "ca.pem"), timeout=1.5) as one:
            await kept(one, *PAGE)
            async with replica(url, ca_file=str(tmp_path / "ca.pem"), timeout=1.5) as other:
                assert {Freshness.CACHED} == set(await other.view(*PAGE))
        async with replica(url, ca_file=str(tmp_path / "stranger.pem"), timeout=1.5) as it:
            await opened(it)
            [out] = it.heard.of(SharedCacheDown)

    assert "certificate verify failed" in out.why


async def test_changes_reach_other_replicas(own_redis: PrivateRedis) -> None:
    """A write on one replica is seen by the next view on another one, within its `ttl`."""
    cache = CacheOptions(ttl=60, stale_while_revalidate=0)
    async with replica(own_redis.url, cache) as one, replica(own_redis.url, cache) as other:
        a = an_id()
        await one.view(a)
        await other.view(a)
        before = await other.view(a)
        asked = len(one.service.reads) + len(other.service.reads)
        await one.inventory.request_inventory_initialization(a)
        await asyncio.sleep(0.2)
        await other.view(a)
        after = len(one.service.reads) + len(other.service.reads)

    assert [Freshness.CACHED] == before
    assert 1 == after - asked


async def test_a_lost_backplane(own_redis: PrivateRedis) -> None:
    """After a lost connection of the backplane, everything is read anew."""
    cache = CacheOptions(ttl=60, stale_while_revalidate=0)
    async with replica(own_redis.url, cache) as one:
        await kept(one, *PAGE)
        before = await one.view(*PAGE)
        with SyncRedis.from_url(own_redis.url) as redis:
            redis.client_kill_filter(_type="pubsub")
        await until(lambda: one.heard.of(BackplaneDisconnected))
        down = one.shared.backplane_connected
        await until(lambda: one.heard.of(BackplaneReconnected))
        asked = len(one.service.reads)
        await one.view(*PAGE)

    assert ({Freshness.CACHED}, False) == (set(before), down)
    assert 1 == len(one.service.reads) - asked


async def test_a_backplane_that_hangs(
    own_redis: PrivateRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that does not answer a PING counts as disconnected."""
    monkeypatch.setattr("shelfport.adapters.redis.client._SILENCE", 0.1)
    async with replica(own_redis.url) as one:
        own_redis.freeze()
        await until(lambda: one.heard.of(BackplaneDisconnected))
        own_redis.thaw()
        await until(lambda: one.heard.of(BackplaneReconnected))

        assert "does not answer" in one.heard.of(BackplaneDisconnected)[0].why


async def test_stale_from_redis(own_redis: PrivateRedis) -> None:
    """If the service is down, a process that just started serves readings of the fleet."""
    cache = CacheOptions(ttl=0.2, stale_while_revalidate=0.0, soft_timeout=0.1)
    async with replica(own_redis.url, cache) as one:
        await kept(one, *PAGE)
    await asyncio.sleep(0.25)
    async with replica(own_redis.url, cache) as fresh:
        fresh.service.error = TimedOut("down")

        assert {Freshness.STALE} == set(await fresh.view(*PAGE))


if os.environ.get("SHELFPORT_LONG"):
    # A node in cluster mode takes no writes for its first two seconds.

    async def test_a_cluster(tmp_path: Path) -> None:
        """In a Redis Cluster, which refuses scripts over several slots, a page works, too."""
        options = ["--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf"]
        options += ["--cluster-port", str(free_port())]
        with private_redis(tmp_path, *options) as server:
            with SyncRedis.from_url(server.url) as redis:
                redis.execute_command("CLUSTER ADDSLOTSRANGE", 0, 16383)
                await until(lambda: redis.execute_command("CLUSTER INFO")["cluster_state"] == "ok")
            async with replica(server.url) as one, replica(server.url) as other:
                await kept(one, *PAGE)
                await one.inventory.request_inventory_initialization(an_id())

                assert {Freshness.CACHED} == set(await other.view(*PAGE))
                assert (0, 0) == (one.shared.dropped_writes, one.shared.circuit_breaker.failures)
