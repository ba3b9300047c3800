"""Pact files: those of the wheel, or the caller's, checked before they are used."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import attrs
import msgspec

_SHAPE = "a pact: a JSON object with consumer, provider and interactions"


class _Party(msgspec.Struct):
    name: str


class _Interaction(msgspec.Struct):
    description: str


class _Pact(msgspec.Struct):
    """The part of a pact file that the verification reads."""

    consumer: _Party
    provider: _Party
    interactions: list[_Interaction]


@attrs.frozen
class PactFiles:
    """Pact files that were read and checked."""

    paths: Sequence[Path]
    descriptions: Sequence[str]
    """Of every interaction in the files; a verification must try all of them."""


@contextmanager
def packaged_pacts() -> Iterator[PactFiles]:
    """The pacts of this version of shelfport, as files while the context lasts."""
    with as_file(files("shelfport.contracts") / "pacts") as folder:
        yield read_pacts([folder])


def read_pacts(paths: Sequence[Path]) -> PactFiles:
    """Find and read pact files.

    Args:
        paths: files, or folders with files `*.json`.

    Raises:
        ValueError: a path does not exist, a folder has no pacts, or a file is no pact; one
            sentence that names it.
    """
    found: list[Path] = []
    for path in paths:
        inside = sorted(path.glob("*.json")) if path.is_dir() else [path]
        if not inside:
            raise ValueError(f"{path} has no pact files: a file *.json is expected")
        found += inside
    descriptions = [d for path in found for d in _descriptions(path)]
    return PactFiles(found, descriptions)


def _descriptions(path: Path) -> list[str]:
    try:
        pact = msgspec.json.decode(path.read_bytes(), type=_Pact)
    except OSError as error:
        raise ValueError(f"the pact file {path} cannot be read: {error.strerror}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not {_SHAPE}: {error}") from error
    if not pact.interactions:
        raise ValueError(f"the pact file {path} has no interactions: there is nothing to verify")
    return [interaction.description for interaction in pact.interactions]


def renamed(path: Path, consumer: str) -> bytes:
    """The pact at `path` under another consumer's name, such as a host that embeds shelfport."""
    pact: dict[str, Any] = msgspec.json.decode(path.read_bytes())
    pact["consumer"] = {"name": consumer}
    return msgspec.json.format(msgspec.json.encode(pact), indent=2)
