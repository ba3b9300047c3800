"""The check `tls`: version, expiry of the certificates, and failures."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import trustme

from tests.adapters.cli.conftest import Shelfport
from tests.support.tls import server_context, tls_serving, written

CA = trustme.CA()
VARIANT = "00000000-0000-0000-0000-000000000001"


def in_days(days: int) -> datetime:
    return datetime.now(UTC) + timedelta(days=days, hours=1)


async def checked(
    call: Shelfport, folder: Path, theirs: trustme.LeafCert, ours: trustme.LeafCert | None = None
) -> tuple[int | None, str]:
    variables: dict[str, Any] = {"SHELFPORT_TLS_CA_FILE": written(folder, "ca.pem", CA.cert_pem)}
    if ours is not None:
        variables["SHELFPORT_TLS_CERT_FILE"] = written(
            folder, "own.pem", ours.private_key_pem, *ours.cert_chain_pems
        )
    with tls_serving(server_context(theirs, clients=CA)) as service:
        done = await call("check", "--base-url", service.url, "--variant", VARIANT, **variables)
    return done.code, done.out


async def test_all_is_well(call_shelfport: Shelfport, tmp_path: Path) -> None:
    """The check prints the version, and the days left of both certificates."""
    theirs = CA.issue_cert("127.0.0.1", not_after=in_days(90))
    ours = CA.issue_cert("shop@example.com", not_after=in_days(30))

    code, out = await checked(call_shelfport, tmp_path, theirs, ours)

    assert "TLSv1.3, the service's certificate is valid for 90 days, " in out
    assert ", our certificate is valid for 30 days" in out
    assert (0, True) == (code, f"{VARIANT} is IN_STOCK" in out)


async def test_about_to_expire(call_shelfport: Shelfport, tmp_path: Path) -> None:
    """A certificate with less than two weeks left fails the check."""
    theirs = CA.issue_cert("127.0.0.1", not_after=in_days(13))

    code, out = await checked(call_shelfport, tmp_path, theirs, CA.issue_cert("a@example.com"))

    assert "the service's certificate is valid for 13 days" in out
    assert (1, True) == (code, "To do: renew the certificate that is about to expire" in out)


async def test_no_client_certificate(call_shelfport: Shelfport, tmp_path: Path) -> None:
    """If the service requires a client certificate, the check names the setting."""
    code, out = await checked(call_shelfport, tmp_path, CA.issue_cert("127.0.0.1"))

    assert "the service requires a client certificate: set tls.cert_file" in out
    assert (1, True) == (code, "tls failed" in out)


async def test_a_file_that_is_not_there(call_shelfport: Shelfport) -> None:
    """A setting that names a missing file ends `get` with exit code 2."""
    arguments = ("--base-url", "https://127.0.0.1:9")
    done = await call_shelfport("get", VARIANT, *arguments, SHELFPORT_TLS_CA_FILE="/nowhere.pem")

    assert (2, "") == (done.code, done.out)
    assert "tls.ca_file is '/nowhere.pem': No such file or directory" in done.err
