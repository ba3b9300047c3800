"""`contracts generate`: the pact of the yaml files, compared with the existing one, or written."""

from collections.abc import Callable
from pathlib import Path

from shelfport.adapters.cli.contracts.errors import contract_errors
from shelfport.adapters.cli.running import Exit, Misuse
from shelfport.contracts import (
    inventory_events_yaml,
    inventory_service_pact,
    inventory_service_yaml,
)


def run_generate(
    service: Path | None, events: Path | None, pact: Path | None, write: Path | None
) -> int:
    """Generate the pact, then write or compare it; `Exit.NO` if the two differ."""
    if pact is not None and write is not None:
        raise Misuse("--pact and --write are both given: give one of them")
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

    with contract_errors():
        text = pact_text(
            interactions(
                _text_of(service, inventory_service_yaml), _text_of(events, inventory_events_yaml)
            )
        )
        if write is not None:
            _write(write, text)
            return Exit.ANSWERED
        differences = drift(text, _text_of(pact, inventory_service_pact), str(pact or "the pact"))
    print(differences, end="")
    return Exit.NO if differences else Exit.ANSWERED


def _text_of(path: Path | None, packaged: Callable[[], str]) -> str:
    if path is None:
        return packaged()
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise Misuse(f"{path} cannot be read: {reason}") from error


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise Misuse(f"{path} cannot be written: {error.strerror}") from error
