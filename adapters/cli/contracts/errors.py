"""How the commands below `contracts` fail."""

from collections.abc import Iterator
from contextlib import contextmanager

from shelfport.adapters.cli.running import AnsweredNo, Misuse
from shelfport.contracts.errors import ContractsError
from shelfport.contracts.tool import ToolMissing


@contextmanager
def contract_errors() -> Iterator[None]:
    """Turn a missing extra into Misuse, and any other ContractsError into AnsweredNo."""
    try:
        yield
    except ToolMissing as error:
        raise Misuse(str(error)) from error
    except ContractsError as error:
        raise AnsweredNo(str(error)) from error
