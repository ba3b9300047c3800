"""Product variant ids from arguments, a file or standard input."""

import sys
from collections.abc import Sequence
from pathlib import Path

from shelfport.adapters.cli.options import misuse
from shelfport.adapters.cli.running import Misuse
from shelfport.domain.model import ProductVariantId, variant_id

STDIN = "-"


def variants_from_arguments(arguments: Sequence[str]) -> list[ProductVariantId]:
    """The ids in `arguments`; a single `-` reads them from standard input.

    Blocks while it reads: call it before an event loop runs, or Ctrl-C does not end it.

    Raises:
        Misuse: an id is not valid, `-` is not alone, or standard input has no ids.
    """
    # As `-` may be an ID, the parser takes unknown options for IDs.
    option = next((text for text in arguments if text.startswith("-") and text != STDIN), None)
    if option is not None:
        raise Misuse(f"Unknown option: {option}; see shelfport get --help")
    if STDIN not in arguments:
        with misuse():
            return [variant_id(text) for text in arguments]
    if len(arguments) > 1:
        raise Misuse("'-' reads the ids from standard input: it must be the only ID")
    return _variants_in(None)


def variants_from_file(source: str) -> list[ProductVariantId]:
    """The ids in the file `source`, one a line; `-` reads them from standard input.

    Raises:
        Misuse: it cannot be read, has no ids, or has a line that is not an id.
    """
    return _variants_in(None if source == STDIN else Path(source))


def _variants_in(file: Path | None) -> list[ProductVariantId]:
    """The ids in `file`; None is standard input."""
    place = "standard input" if file is None else str(file)
    if file is not None:
        try:
            content = file.read_bytes()
        except OSError as error:
            raise Misuse(f"{place} cannot be read: {error.strerror}") from error
    elif sys.stdin is None:
        raise Misuse("standard input is closed: there are no ids to read")
    else:
        content = sys.stdin.buffer.read()
    variants = _from_lines(content, place)
    if not variants:
        raise Misuse(f"{place} has no ids: one a line is expected")
    return variants


def _from_lines(content: bytes, place: str) -> list[ProductVariantId]:
    variants: list[ProductVariantId] = []
    # bytes.splitlines counts lines as editors do; str.splitlines knows eight more line ends.
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").splitlines(), start=1):
        text = line.decode(errors="replace").strip()
        if not text or text.startswith("#"):
            continue
        try:
            variants.append(variant_id(text))
        except ValueError as error:
            raise Misuse(f"line {number} of {place}: {error}") from error
    return variants
