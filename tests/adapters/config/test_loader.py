import os
from pathlib import Path

import pytest

from shelfport import SettingsError, load_settings
from shelfport.adapters.config.loader import load_with_origins


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("SHELFPORT_"):
            monkeypatch.delenv(name)


@pytest.fixture
def settings_file(tmp_path: Path) -> Path:
    path = tmp_path / "shelfport.toml"
    path.write_text(
        """
        [shelfport]
        base_url = "https://file.internal"
        deadline = 1
        [shelfport.cache]
        ttl = 7.5
        negative-ttl = 6
        """
    )
    return path


def test_nothing() -> None:
    """Without files and environment the defaults hold."""
    assert "memory" == load_settings().adapter_name


def test_a_file(settings_file: Path) -> None:
    """A file sets the settings that it names; a key may be spelt with a dash."""
    settings = load_settings(settings_file)

    assert ("https://file.internal", 1.0, 7.5, 6.0, 300.0) == (
        settings.base_url,
        settings.deadline,
        settings.cache.ttl,
        settings.cache.negative_ttl,
        settings.cache.stale_if_error,
    )


def test_precedence(settings_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Later files win over earlier ones, the environment over all; each value has its origin."""
    named = tmp_path / "named.toml"
    named.write_text("[shelfport]\ndeadline = 3")
    monkeypatch.setenv("SHELFPORT_SETTINGS", str(named))
    monkeypatch.setenv("SHELFPORT_CACHE_TTL", "9")
    monkeypatch.setenv("SHELFPORT_TOKEN", "s3cret")
    monkeypatch.setenv("SHELFPORT_ALLOW_PLAIN_HTTP", "true")

    loaded = load_with_origins(settings_file)

    assert (3.0, 9.0, True) == (
        loaded.settings.deadline,
        loaded.settings.cache.ttl,
        loaded.settings.allow_plain_http,
    )
    assert {
        "base_url": str(settings_file),
        "deadline": str(named),
        "cache.ttl": "SHELFPORT_CACHE_TTL",
        "cache.negative_ttl": str(settings_file),
        "token": "SHELFPORT_TOKEN",
        "allow_plain_http": "SHELFPORT_ALLOW_PLAIN_HTTP",
    } == loaded.origins
    assert "s3cret" not in repr(loaded)


def test_given_values_win(settings_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given values win over all others, also over invalid ones."""
    monkeypatch.setenv("SHELFPORT_BASE_URL", "nonsense")

    loaded = load_with_origins(
        settings_file, given={"base_url": ("https://given.internal", "--base-url")}
    )

    assert "https://given.internal" == loaded.settings.base_url
    assert "--base-url" == loaded.origins["base_url"]
    with pytest.raises(SettingsError, match=r"\(from --base-url\)"):
        load_with_origins(given={"base_url": ("x", "--base-url")})


@pytest.mark.parametrize(
    ("content", "sentences"),
    [
        ("[shelfport", ["cannot be read: Expected ']'"]),
        ("[shelfport]\nbase_url = 1\n\x00", ["cannot be read"]),
        ("[other]\nx = 1", ["has no table [shelfport]"]),
        ("shelfport = 5", ["has no table [shelfport]"]),
        (
            "[shelfport]\nbas_url = 'x'",
            ["Invalid options found", "bas_url; the known settings are: base_url"],
        ),
        ("[shelfport.cash]\nttl = 1", ["cash.ttl", "the known settings are"]),
        ("[shelfport]\ncache = 5", ["cache", "the known settings are"]),
        ("[shelfport]\ndeadline = 'soon'", ["deadline (from", "Expected `float`, got `str`"]),
        ("[shelfport]\ndeadline = true", ["deadline (from", "Expected `float`, got `bool`"]),
        (
            "[shelfport.batch]\nmax_concurrency = 2.9",
            ["batch.max_concurrency (from", "got `float`"],
        ),
        ("[shelfport]\ntoken = 5", ["token (from", "Expected `str`"]),
        (
            "[shelfport]\nid_format = 'sku'",
            ["id_format (from", "'sku'; it must be one of uuid, text"],
        ),
        ("[shelfport]\ndeadline = -1", ["deadline is -1: it must be 0.001 to 300", "(from"]),
        ("[shelfport.cache]\nttl = -1", ["cache.ttl is -1: it must be 0", "(from"]),
        ("[shelfport]\nbase_url = 'x'", ["base_url is 'x': it must begin with", "(from"]),
        (
            "[shelfport.cache]\nstale_if_error = 1",
            ["cache.stale_if_error is 1: it must be at least stale_while_revalidate (25 seconds)"],
        ),
    ],
)
def test_bad_files(tmp_path: Path, content: str, sentences: list[str]) -> None:
    """The message for a bad file names the key, the file and the allowed values."""
    path = tmp_path / "bad.toml"
    path.write_text(content)

    with pytest.raises(SettingsError) as info:
        load_settings(path)

    assert [True] * len(sentences) == [part in str(info.value) for part in sentences], info.value
    assert str(path) in str(info.value)
    assert "\n" not in str(info.value)


def test_a_missing_file(tmp_path: Path) -> None:
    """A missing settings file is an error."""
    with pytest.raises(SettingsError, match=r"settings file .*nowhere\.toml does not exist"):
        load_settings(tmp_path / "nowhere.toml")


def test_a_missing_file_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing file that SHELFPORT_SETTINGS names is an error."""
    monkeypatch.setenv("SHELFPORT_SETTINGS", os.pathsep.join(["/nowhere/a.toml", ""]))

    with pytest.raises(SettingsError, match=r"/nowhere/a\.toml does not exist"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("SHELFPORT_DEADLINE", "soon", "deadline (from SHELFPORT_DEADLINE): Expected `float`"),
        ("SHELFPORT_DEADLINE", "0", "deadline is 0: it must be 0.001 to 300 seconds (from SHELF"),
        ("SHELFPORT_ALLOW_PLAIN_HTTP", "maybe", "allow_plain_http (from SHELFPORT_ALLOW_PLAIN"),
        ("SHELFPORT_BASE_URL", "x", "(from SHELFPORT_BASE_URL)"),
    ],
)
def test_a_bad_environment(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    """The message for a bad value in the environment names the variable."""
    monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError) as info:
        load_settings()

    assert sentence in str(info.value)


@pytest.mark.parametrize("opening", ["[", "{a="])
def test_a_file_that_is_nested_too_deeply(tmp_path: Path, opening: str) -> None:
    """A value nested a thousand times is a SettingsError, not a crash of the TOML parser."""
    file = tmp_path / "deep.toml"
    file.write_text("[shelfport]\ndeadline = " + opening * 3000)

    with pytest.raises(SettingsError, match=r"deep\.toml is nested too deeply"):
        load_settings(file)
