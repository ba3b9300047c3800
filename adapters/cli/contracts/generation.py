"""`contracts generate`: the pact that the yaml files give, compared with the one that is kept."""

from collections.abc import Callable
from pathlib import Path

from shelfport.adapters.cli.contracts.failing import contracts_tried
from shelfport.adapters.cli.running import Exit, Misuse
from shelfport.contracts import (
    inventory_events_yaml,
    inventory_service_pact,
    inventory_service_yaml,
)


def run_generate(
    service: Path | None, events: Path | None, pact: Path | None, write: Path | None
) -> int:
    """Generate, then write or compare; `Exit.NO` where the two differ, or there is no pact."""
    if pact is not None and write is not None:
        raise Misuse("--pact and --write are both given: is a pact compared, or written?")
    try:
        from shelfport.contracts.pact.generate import (  # noqa: PLC0415 - the extra may be missing
            drift,
            interactions,
        )
        from shelfport.contracts.pact.writing import pact_text  # noqa: PLC0415 - as above
    except ModuleNotFoundError as error:
        raise Misuse(
            f'this needs {error.name}, which is not installed: pip install "shelfport[contracts]"'
        ) from error

    with contracts_tried() as outcome:
        text = pact_text(
            interactions(
                _text_of(service, inventory_service_yaml), _text_of(events, inventory_events_yaml)
            )
        )
        if write is not None:
            _write(write, text)
            outcome.code = Exit.ANSWERED
        else:
            found = drift(text, _text_of(pact, inventory_service_pact), str(pact or "the pact"))
            print(found, end="")
            outcome.code = Exit.NO if found else Exit.ANSWERED
    return outcome.code


def _text_of(path: Path | None, packaged: Callable[[], str]) -> str:
    if path is None:
        return packaged()
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        told = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise Misuse(f"{path} cannot be read: {told}") from error


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise Misuse(f"{path} cannot be written: {error.strerror}") from error
