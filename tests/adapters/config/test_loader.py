import os
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from shelfport import InitializationPolicy, Settings, SettingsError, load_settings
from shelfport.adapters.config import variables
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
    assert Settings() == load_settings()


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
        ("[shelfport]\nbas_url = 'x'", ["bas_url is no setting; did you mean base_url?"]),
        ("[shelfport.cash]\nttl = 1", ["cash.ttl is no setting; did you mean cache.ttl?"]),
        ("[shelfport]\nzzz = 1", ["zzz is no setting; the settings are: base_url, token"]),
        ("[shelfport]\ncache = 5", ["cache is a table of settings: cache.ttl, "]),
        (
            "[shelfport]\ndeadline = 'soon'",
            ["deadline (from", "got `str`; it must be a number of seconds, such as 2.0"],
        ),
        (
            "[shelfport]\nallow_plain_http = 'maybe'",
            ["allow_plain_http (from", "it must be true or false"],
        ),
        (
            "[shelfport.initialization]\ndefault_quantity = 'many'",
            ["initialization.default_quantity (from", "it must be an int, such as 0"],
        ),
        (
            "[shelfport.auth]\nscheme = 'oauth2'",
            ["'oauth2'; it must be one of none, bearer, api_key, client_credentials"],
        ),
        ("[shelfport.tls]\nminimum = '1.1'", ["it must be one of 1.2, 1.3"]),
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


def test_an_override(settings_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An override changes one setting, whatever files and environment say, and keeps the others."""
    monkeypatch.setenv("SHELFPORT_QUEUE_WORKER", "false")
    monkeypatch.setenv("SHELFPORT_QUEUE_URL", "sqlite:///environment.db")

    settings = load_settings(
        settings_file,
        overrides={
            "queue.url": "sqlite:///shop.db",
            "deadline": 2,
            "initialization.policy": InitializationPolicy.RETRY_LATER,
        },
    )

    assert settings.queue.url is not None
    assert ("sqlite:///shop.db", False, 2, 7.5, InitializationPolicy.RETRY_LATER) == (
        settings.queue.url.get_secret_value(),
        settings.queue.worker,
        settings.deadline,
        settings.cache.ttl,
        settings.initialization.policy,
    )


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ({"queue.ulr": "x"}, "overrides: queue.ulr is no setting; did you mean queue.url?"),
        ({"deadline": "2s"}, "deadline (from overrides): Expected `float`, got `str`; it must be"),
        ({"deadline": 0}, "deadline is 0: it must be 0.001 to 300 seconds (from overrides)"),
    ],
)
def test_a_bad_override(overrides: dict[str, object], sentence: str) -> None:
    """An override of no setting, or with a value that is not allowed, is refused."""
    with pytest.raises(SettingsError) as info:
        load_settings(overrides=overrides)

    assert sentence in str(info.value)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("SHELFPORT_BASEURL", " (did you mean SHELFPORT_BASE_URL?)"),
        ("SHELFPORT_SETTING", " (did you mean SHELFPORT_SETTINGS?)"),
        ("SHELFPORT_ZZZ", ""),
    ],
)
def test_an_unknown_variable(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    name: str,
    nearest: str,
) -> None:
    """A variable of no setting is ignored; one WARNING names it and the nearest one."""
    monkeypatch.setenv(name, "https://inventory.internal")

    loaded = load_with_origins()

    assert ("WARNING", f"{name}{nearest}") == (
        caplog.records[0].levelname,
        caplog.records[0].getMessage().rpartition("are ignored: ")[2],
    )
    assert (1, Settings(), [name]) == (
        len(caplog.records),
        loaded.settings,
        [variable.name for variable in loaded.unknown],
    )


@pytest.mark.parametrize(
    "name",
    [
        "SHELFPORT_SERVICE_HOST",
        "SHELFPORT_SERVICE_PORT",
        "SHELFPORT_SERVICE_PORT_HTTP",
        "SHELFPORT_PORT",
        "SHELFPORT_PORT_80_TCP",
        "SHELFPORT_PORT_80_TCP_ADDR",
        "SHELFPORT_WORKER_SERVICE_HOST",
        "SHELFPORT_WORKER_PORT_8080_TCP_PROTO",
        "SHELFPORT_OPS_TOKEN",
        "SHELFPORT_REQUIRE_SERVICES",
        "SHELFPORT_LONG",
        "SHELFPORT_SHOP_STOCK_FILE",
    ],
)
def test_a_variable_of_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    """No warning for what orchestrators set, for installed adapters, and for documented names."""
    plugin = EntryPoint("shop-stock", "shop:make", "shelfport.adapters")
    monkeypatch.setattr(variables, "entry_points", lambda **_: [plugin])
    monkeypatch.setenv(name, "10.0.0.1")

    assert () == load_with_origins().unknown
    assert [] == caplog.records


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
