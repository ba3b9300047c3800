from pathlib import Path
from typing import Any

import attrs
import pytest
from typed_settings import Secret

from shelfport import Settings
from shelfport.adapters.cli.check.setting_list import Listed, Origin, as_written, in_use
from shelfport.adapters.cli.options import load_given


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in [name for name in os.environ if name.startswith("SHELFPORT_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "shop.toml"
    file.write_text(
        '[shelfport]\nbase_url = "https://a.example"\ndeadline = 3.0\ntoken = "hunter2"\n'
        "[shelfport.http]\nconnect_timeout = 0.25\n"
    )
    return file


def by_name(listed: list[Listed]) -> dict[str, Listed]:
    return {setting.name: setting for setting in listed}


def names(cls: Any, prefix: str = "") -> list[str]:
    found: list[str] = []
    for field in attrs.fields(attrs.resolve_types(cls)):
        nested = attrs.has(field.type)
        found += names(field.type, f"{field.name}.") if nested else [prefix + field.name]
    return found


def test_each_setting_is_listed_once() -> None:
    """Both lists name every setting of every group, in the classes' own order."""
    expected = names(Settings)

    assert expected == [s.name for s in in_use(load_given((), {}))]
    assert expected == [s.name for s in as_written((), {})]


def test_where_each_value_came_from(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value stands beside its place: default, file, variable or option; both lists agree."""
    monkeypatch.setenv("SHELFPORT_HTTP_CONNECT_TIMEOUT", "0.5")
    given = {"base_url": "https://b.example", "token": None}
    used = by_name(in_use(load_given((file,), given)))
    written = by_name(as_written((file,), given))

    assert Listed("deadline", 3.0, Origin.FILE, str(file)) == used["deadline"]
    variable = "SHELFPORT_HTTP_CONNECT_TIMEOUT"
    assert (
        Listed("http.connect_timeout", 0.5, Origin.ENVIRONMENT, variable)
        == used["http.connect_timeout"]
    )
    option = Listed("base_url", "https://b.example", Origin.COMMAND_LINE, "--base-url")
    assert option == used["base_url"]
    assert Listed("allow_plain_http", False, Origin.DEFAULT, None) == used["allow_plain_http"]
    assert {n: (s.origin, s.place) for n, s in used.items()} == {
        n: (s.origin, s.place) for n, s in written.items()
    }


def test_secrets_are_masked(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret is masked as it is used and as it is written, and so are credentials in a URL."""
    used = by_name(in_use(load_given((file,), {})))
    monkeypatch.setenv("SHELFPORT_BASE_URL", "https://me:hunter2@a.example/x@y")
    written = by_name(as_written((file,), {}))

    mask = str(Secret("anything"))
    assert (mask, mask) == (used["token"].value, written["token"].value)
    assert f"https://{mask}@a.example/x@y" == written["base_url"].value
    assert "hunter2" not in f"{used}{written}"


def test_what_cannot_be_read_is_left_out(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing, malformed or foreign file hides nothing that the others say."""
    bad = [tmp_path / name for name in ("missing.toml", "malformed.toml", "foreign.toml")]
    bad[1].write_text("[shelfport\n")
    bad[2].write_text('shelfport = "no table"\n')
    monkeypatch.setenv("SHELFPORT_SETTINGS", str(file))
    written = by_name(as_written(bad, {}))

    assert Listed("deadline", 3.0, Origin.FILE, str(file)) == written["deadline"]
