"""The troubles that a harness can cause behind the adapter."""

from enum import Enum

SLOW_BY = 0.15
"""Seconds by which `Trouble.SLOW` delays an answer."""


class Trouble(Enum):
    """A fault between the adapter and its service, for every request."""

    UNREACHABLE = "unreachable"
    """The service is unreachable: a refused or broken connection, a missing file. No request is
    carried out."""
    OVERLOADED = "overloaded"
    """The service refuses the request with a time to wait. No request is carried out."""
    UNAUTHORIZED = "unauthorized"
    """The service refuses the credentials, or there are none. No request is carried out."""
    GARBAGE = "garbage"
    """The answer breaks the contract, or is damaged on the way. A write may have been carried
    out."""
    ANSWER_LOST = "answer lost"
    """The service carries out the request, and the connection breaks during the answer."""
    HANG = "hang"
    """The service never answers. No request is carried out."""
    SLOW = "slow"
    """The service makes its answer at once, and sends it after `SLOW_BY` seconds."""


FAILING = frozenset(Trouble) - {Trouble.SLOW}
"""The troubles in which a call fails."""
QUICK = FAILING - {Trouble.HANG}
"""The troubles in which a call fails before its deadline."""
OUTAGES = QUICK - {Trouble.UNAUTHORIZED}
"""Those of them that are a fault of the service, or of the way to it."""
