"""How the commands below `contracts` fail: one sentence, and the code that belongs to it."""

from collections.abc import Iterator
from contextlib import contextmanager

import attrs

from shelfport.adapters.cli.running import Exit, Misuse, complain
from shelfport.contracts.errors import ContractsError
from shelfport.contracts.tool import ToolMissing


@attrs.define
class Outcome:
    """The exit code of a command; "no" unless it gets to say something else."""

    code: int = Exit.NO


@contextmanager
def contracts_tried() -> Iterator[Outcome]:
    """Turn what did not come off into a sentence and "no", and a missing extra into misuse."""
    outcome = Outcome()
    try:
        yield outcome
    except ToolMissing as error:
        raise Misuse(str(error)) from error
    except ContractsError as error:
        complain(str(error))
