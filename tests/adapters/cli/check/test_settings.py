from pathlib import Path
from typing import Any

import attrs
import pytest
from typed_settings import Secret

from shelfport import Settings
from shelfport.adapters.cli.check.settings import (
    DisplayedSetting,
    SettingOrigin,
    settings_as_given,
    settings_in_use,
)
from shelfport.adapters.cli.options import load_command_settings


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


def by_name(displayed: list[DisplayedSetting]) -> dict[str, DisplayedSetting]:
    return {setting.name: setting for setting in displayed}


def names(cls: Any, prefix: str = "") -> list[str]:
    found: list[str] = []
    for field in attrs.fields(attrs.resolve_types(cls)):
        nested = attrs.has(field.type)
        found += names(field.type, f"{field.name}.") if nested else [prefix + field.name]
    return found


def test_each_setting_is_displayed_once() -> None:
    """Both lists have every setting of every group, in the order of the classes."""
    expected = names(Settings)

    assert expected == [s.name for s in settings_in_use(load_command_settings((), {}))]
    assert expected == [s.name for s in settings_as_given((), {})]


def test_where_each_value_came_from(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value has its origin: default, file, variable or option; both lists agree."""
    monkeypatch.setenv("SHELFPORT_HTTP_CONNECT_TIMEOUT", "0.5")
    given = {"base_url": "https://b.example", "token": None}
    in_use = by_name(settings_in_use(load_command_settings((file,), given)))
    as_given = by_name(settings_as_given((file,), given))

    assert DisplayedSetting("deadline", 3.0, SettingOrigin.FILE, str(file)) == in_use["deadline"]
    variable = "SHELFPORT_HTTP_CONNECT_TIMEOUT"
    assert (
        DisplayedSetting("http.connect_timeout", 0.5, SettingOrigin.ENVIRONMENT, variable)
        == in_use["http.connect_timeout"]
    )
    option = DisplayedSetting(
        "base_url", "https://b.example", SettingOrigin.COMMAND_LINE, "--base-url"
    )
    assert option == in_use["base_url"]
    assert (
        DisplayedSetting("allow_plain_http", False, SettingOrigin.DEFAULT, None)
        == in_use["allow_plain_http"]
    )
    assert {n: (s.origin, s.place) for n, s in in_use.items()} == {
        n: (s.origin, s.place) for n, s in as_given.items()
    }


def test_secrets_are_masked(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets and credentials in a URL are masked, in use and as given."""
    in_use = by_name(settings_in_use(load_command_settings((file,), {})))
    monkeypatch.setenv("SHELFPORT_BASE_URL", "https://me:hunter2@a.example/x@y")
    as_given = by_name(settings_as_given((file,), {}))

    mask = str(Secret("anything"))
    assert (mask, mask) == (in_use["token"].value, as_given["token"].value)
    assert f"https://{mask}@a.example/x@y" == as_given["base_url"].value
    assert "hunter2" not in f"{in_use}{as_given}"


def test_files_that_cannot_be_read_are_left_out(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing, malformed or foreign file does not hide the settings of other files."""
    bad = [tmp_path / name for name in ("missing.toml", "malformed.toml", "foreign.toml")]
    bad[1].write_text("[shelfport\n")
    bad[2].write_text('shelfport = "no table"\n')
    monkeypatch.setenv("SHELFPORT_SETTINGS", str(file))
    as_given = by_name(settings_as_given(bad, {}))

    assert DisplayedSetting("deadline", 3.0, SettingOrigin.FILE, str(file)) == as_given["deadline"]
