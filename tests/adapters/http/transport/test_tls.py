"""TLS against a real authority: what is trusted, what is refused and why, and rotation."""

import asyncio
import logging
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from shelfport import InventoryError, StockReading, SystemClock
from shelfport.errors import (
    BadFile,
    InsecureConnection,
    ReachedService,
    Unauthorized,
)
from shelfport.http import HttpInventory
from shelfport.options import HttpOptions, TlsOptions
from shelfport.ports import DEFAULT_CALL, TlsSnapshot
from tests.support.tls import server_context, tls_serving, written
from tests.support.values import an_id
from tests.support.waiting import eventually

VARIANT = an_id(1)
NOW = datetime.now(UTC)
BEFORE, YESTERDAY = NOW - timedelta(days=9), NOW - timedelta(days=1)
CA, OTHER = trustme.CA(), trustme.CA()
SERVER = CA.issue_cert("127.0.0.1")
CLIENT = CA.issue_cert("shop@example.com")
PATIENT = HttpOptions(attempt_timeout=10, connect_timeout=10, file_poll_interval=0.02)


def trusting(folder: Path, *authorities: trustme.CA, **more: Any) -> TlsOptions:
    blobs = [authority.cert_pem for authority in authorities]
    return TlsOptions(ca_file=written(folder, "ca.pem", *blobs), **more)


def client_files(folder: Path, certificate: trustme.LeafCert) -> dict[str, Any]:
    return {
        "cert_file": written(folder, "cert.pem", *certificate.cert_chain_pems),
        "key_file": written(folder, "key.pem", certificate.private_key_pem),
    }


async def read(url: str, tls: TlsOptions | None) -> None:
    async with HttpInventory(url, clock=SystemClock(), options=PATIENT, tls=tls) as port:
        answers = await port.read([VARIANT], DEFAULT_CALL)
    assert isinstance(answers[VARIANT], StockReading)


REFUSED: dict[str, tuple[Callable[[], ssl.SSLContext], str]] = {
    "expired": (
        lambda: server_context(CA.issue_cert("127.0.0.1", not_before=BEFORE, not_after=YESTERDAY)),
        "the service's certificate has expired",
    ),
    "wrong host": (
        lambda: server_context(CA.issue_cert("10.9.9.9")),
        "the service's certificate is for another address than base_url has",
    ),
    "unknown authority": (
        lambda: server_context(OTHER.issue_cert("127.0.0.1")),
        "the service's certificate comes from an authority that is not trusted",
    ),
    "TLS 1.1": (
        lambda: server_context(SERVER, newest=ssl.TLSVersion.TLSv1_1),
        "the service does not support the TLS version that tls.minimum requires",
    ),
}


@pytest.mark.parametrize("fault", REFUSED)
async def test_a_service_that_cannot_be_trusted(tmp_path: Path, fault: str) -> None:
    """A connection is refused before a request is sent, and the message names the cause."""
    context, sentence = REFUSED[fault]
    with tls_serving(context()) as service, pytest.raises(InsecureConnection) as info:
        await read(service.url, trusting(tmp_path, CA))

    assert f"no secure connection to {service.url}: {sentence}" in str(info.value)
    assert (False, ReachedService.NO) == (info.value.retryable, info.value.reached_service)
    assert info.value.__cause__ is not None


async def test_another_host_name(tmp_path: Path) -> None:
    """A certificate of the right authority for another name is refused."""
    with tls_serving(server_context(CA.issue_cert("elsewhere.example"))) as service:
        url = service.url.replace("127.0.0.1", "localhost")

        with pytest.raises(InsecureConnection, match="is for another host name"):
            await read(url, trusting(tmp_path, CA))


async def test_self_signed(tmp_path: Path) -> None:
    """The message for a self-signed certificate differs from that for an unknown authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pem = written(tmp_path, "self.pem", OTHER.cert_pem, OTHER.private_key_pem)
    context.load_cert_chain(pem)
    with (
        tls_serving(context) as service,
        pytest.raises(InsecureConnection, match="certificate is self-signed, and is not trusted"),
    ):
        await read(service.url, trusting(tmp_path, CA))


async def test_the_systems_authorities_are_not_enough() -> None:
    """Without an own bundle, a private authority is unknown."""
    with (
        tls_serving(server_context(SERVER)) as service,
        pytest.raises(InsecureConnection, match="authority that is not trusted"),
    ):
        await read(service.url, None)


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_mutual_tls(tmp_path: Path, newest: ssl.TLSVersion) -> None:
    """A client certificate of an authority that the service trusts is accepted."""
    with tls_serving(server_context(SERVER, clients=CA, newest=newest)) as service:
        await read(service.url, trusting(tmp_path, CA, **client_files(tmp_path, CLIENT)))


async def test_no_client_certificate(tmp_path: Path) -> None:
    """If the service requires a client certificate, the message names the setting."""
    with (
        tls_serving(server_context(SERVER, clients=CA)) as service,
        pytest.raises(
            Unauthorized, match=r"requires a client certificate: set tls\.cert_file"
        ) as info,
    ):
        await read(service.url, trusting(tmp_path, CA))

    assert ReachedService.NO is info.value.reached_service


async def test_no_client_certificate_in_tls_1_2(tmp_path: Path) -> None:
    """In TLS 1.2 the alert is ambiguous, so the message names the possible causes."""
    context = server_context(SERVER, clients=CA, newest=ssl.TLSVersion.TLSv1_2)
    with (
        tls_serving(context) as service,
        pytest.raises(InsecureConnection, match="requires a client certificate"),
    ):
        await read(service.url, trusting(tmp_path, CA))


@pytest.mark.parametrize(
    ("certificate", "sentence"),
    [
        (lambda: OTHER.issue_cert("shop@example.com"), "it does not know its authority"),
        (
            lambda: CA.issue_cert("shop@example.com", not_before=BEFORE, not_after=YESTERDAY),
            "it has expired",
        ),
    ],
    ids=["another authority's", "expired"],
)
@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_wrong_client_certificate(
    tmp_path: Path,
    newest: ssl.TLSVersion,
    certificate: Callable[[], trustme.LeafCert],
    sentence: str,
) -> None:
    """The message says why the service does not accept the client certificate."""
    options = trusting(tmp_path, CA, **client_files(tmp_path, certificate()))
    with (
        tls_serving(server_context(SERVER, clients=CA, newest=newest)) as service,
        pytest.raises(Unauthorized, match="the service does not accept our certificate") as info,
    ):
        await read(service.url, options)

    assert sentence in str(info.value)


async def test_a_minimum_of_1_3(tmp_path: Path) -> None:
    """A service with TLS 1.2 is refused if 1.3 is the minimum."""
    with (
        tls_serving(server_context(SERVER, newest=ssl.TLSVersion.TLSv1_2)) as service,
        pytest.raises(InsecureConnection, match="does not support the TLS version"),
    ):
        await read(service.url, trusting(tmp_path, CA, minimum="1.3"))


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
async def test_lax_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client refuses TLS 1.1 even if Python and OpenSSL would allow it."""
    strict = ssl.create_default_context

    def lax(*, cafile: str | None = None) -> ssl.SSLContext:
        context = strict(cafile=cafile)
        context.minimum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers("ALL:@SECLEVEL=0")
        return context

    monkeypatch.setattr(ssl, "create_default_context", lax)
    with (
        tls_serving(server_context(SERVER, newest=ssl.TLSVersion.TLSv1_1)) as service,
        pytest.raises(InsecureConnection, match="does not support the TLS version"),
    ):
        await read(service.url, trusting(tmp_path, CA))

    assert 0 == service.connections


async def outcome(port: HttpInventory) -> str:
    try:
        await port.read([VARIANT], DEFAULT_CALL)
    except InventoryError as error:
        return str(error)
    return ""


async def test_an_authority_that_is_rotated_away(tmp_path: Path) -> None:
    """When an authority leaves the bundle, its certificates are refused on all connections."""
    options = trusting(tmp_path, CA)
    with tls_serving(server_context(SERVER)) as service:
        async with HttpInventory(
            service.url, clock=SystemClock(), options=PATIENT, tls=options
        ) as port:
            assert ["", "", 1] == [await outcome(port), await outcome(port), service.connections]
            trusting(tmp_path, OTHER)

            await eventually(lambda: _refused(port, "authority that is not trusted"))

            trusting(tmp_path, OTHER, CA)
            await eventually(lambda: _refused(port, ""))


async def test_a_client_certificate_that_is_rotated(tmp_path: Path) -> None:
    """A new certificate and key are used without a restart."""
    options = trusting(tmp_path, CA, **client_files(tmp_path, OTHER.issue_cert("shop@example.com")))
    with tls_serving(server_context(SERVER, clients=CA)) as service:
        async with HttpInventory(
            service.url, clock=SystemClock(), options=PATIENT, tls=options
        ) as port:
            assert "does not know its authority" in await outcome(port)
            client_files(tmp_path, CLIENT)

            await eventually(lambda: _refused(port, ""))


async def _refused(port: HttpInventory, sentence: str) -> bool:
    text = await outcome(port)
    return sentence in text if sentence else not text


async def test_half_written_files(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """During a rotation the previous certificates stay in use, with one warning."""
    caplog.set_level(logging.INFO, "shelfport.files")
    options = trusting(tmp_path, CA, **client_files(tmp_path, CLIENT))
    with tls_serving(server_context(SERVER, clients=CA)) as service:
        async with HttpInventory(
            service.url, clock=SystemClock(), options=PATIENT, tls=options
        ) as port:
            written(tmp_path, "cert.pem", *CA.issue_cert("shop@example.com").cert_chain_pems)
            await eventually(lambda: _said(caplog, 1))
            await asyncio.sleep(0.1)
            assert "" == await outcome(port)
            service.hang_up()
            await asyncio.sleep(0.05)
            assert "" == await outcome(port)

            client_files(tmp_path, CLIENT)
            await eventually(lambda: _said(caplog, 2))

    assert [logging.WARNING, logging.INFO] == [record.levelno for record in caplog.records]
    assert "its private key belongs to another certificate" in caplog.records[0].getMessage()


async def _said(caplog: pytest.LogCaptureFixture, times: int) -> bool:
    return len(caplog.records) >= times


async def test_days_that_are_left(tmp_path: Path) -> None:
    """The snapshot has the expiry of both certificates, although the answers are short."""
    ours = CA.issue_cert("shop@example.com", not_after=datetime(2049, 12, 31, 1, 2, 3, tzinfo=UTC))
    theirs = CA.issue_cert("127.0.0.1", not_after=datetime(2051, 1, 1, tzinfo=UTC))
    options = trusting(tmp_path, CA, **client_files(tmp_path, ours))
    with tls_serving(server_context(theirs, clients=CA)) as service:
        async with HttpInventory(service.url, clock=SystemClock(), tls=options) as port:
            await port.read([VARIANT], DEFAULT_CALL)
            snapshot = port.tls_snapshot()

    assert snapshot == TlsSnapshot(
        own_expires=datetime(2049, 12, 31, 1, 2, 3, tzinfo=UTC),
        service_expires=datetime(2051, 1, 1, tzinfo=UTC),
    )
    assert 1.0 == snapshot.days_left(datetime(2049, 12, 30, 1, 2, 3, tzinfo=UTC))


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (
            lambda f: TlsOptions(ca_file="/nowhere/ca.pem"),
            "tls.ca_file is '/nowhere/ca.pem': No such",
        ),
        (lambda f: TlsOptions(ca_file=_text(f, "no PEM")), "no PEM, or cut short"),
        (
            lambda f: TlsOptions(ca_file=_text(f, CA.cert_pem.bytes().decode()[:-40])),
            "no PEM, or cut short",
        ),
        (
            lambda f: TlsOptions(cert_file=_text(f, "")),
            "it holds no certificate",
        ),
        (
            lambda f: TlsOptions(cert_file=written(f, "c.pem", CLIENT.cert_chain_pems[0])),
            "tls.cert_file",
        ),
        (
            lambda f: TlsOptions(**(client_files(f, CLIENT) | {"key_file": "/nowhere/key.pem"})),
            "tls.key_file is '/nowhere/key.pem': No such file",
        ),
    ],
)
async def test_files_that_cannot_be_used(
    tmp_path: Path, make: Callable[[Path], TlsOptions], sentence: str
) -> None:
    """Opening refuses a bad file, with the setting, the file and the reason."""
    port = HttpInventory("https://127.0.0.1:9", clock=SystemClock(), tls=make(tmp_path))

    with pytest.raises(BadFile) as info:
        await port.__aenter__()

    assert sentence in str(info.value)


def _text(folder: Path, text: str) -> str:
    path = folder / "text.pem"
    path.write_text(text)
    return str(path)


async def test_an_encrypted_key(tmp_path: Path) -> None:
    """An encrypted key is read with its password; without one, no terminal prompt appears."""
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(CLIENT.private_key_pem.bytes(), None)
    (tmp_path / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"open sesame"),
        )
    )
    files = {
        "cert_file": written(tmp_path, "cert.pem", *CLIENT.cert_chain_pems),
        "key_file": str(tmp_path / "key.pem"),
    }
    with tls_serving(server_context(SERVER, clients=CA)) as service:
        await read(service.url, trusting(tmp_path, CA, **files, key_password="open sesame"))
        with pytest.raises(BadFile, match=r"if it is encrypted, set tls\.key_password"):
            await read(service.url, trusting(tmp_path, CA, **files))
        with pytest.raises(BadFile, match=r"is tls.key_password right\?") as info:
            await read(service.url, trusting(tmp_path, CA, **files, key_password="open barley"))

    assert "barley" not in str(info.value)


def test_a_key_without_its_certificate() -> None:
    """A key without a certificate is refused, and so is an unknown TLS version."""
    with pytest.raises(ValueError, match="key_file is set without cert_file: set both"):
        TlsOptions(key_file="/key.pem")
    with pytest.raises(ValueError, match=r"minimum is '1.1': it must be 1.2 or 1.3"):
        TlsOptions(minimum="1.1")  # type: ignore[arg-type]  # that is the point


def test_expiry_is_read_as_others_read_it() -> None:
    """The expiry of a certificate is the one that the library `cryptography` reads."""
    from cryptography import x509

    from shelfport.adapters.http.transport.tls.certificate import expiry_of_pem

    begins = datetime(1950, 1, 1, tzinfo=UTC)
    # The two digits of a year mean this century up to 49, and the last one from 50 on.
    for year in (1950, 1999, 2000, 2027, 2049, 2050, 2999):
        ends = datetime(year, 6, 1, 12, 30, 15, tzinfo=UTC)
        leaf = CA.issue_cert("a.example", not_before=begins, not_after=ends)
        pem = leaf.cert_chain_pems[0].bytes()

        expected = x509.load_pem_x509_certificate(pem).not_valid_after_utc
        assert expected == expiry_of_pem(pem.decode())
