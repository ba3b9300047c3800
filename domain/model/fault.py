"""What is known of a failed request: the operation, whether it arrived, and whose fault it is."""

from enum import Enum


class Operation(Enum):
    """The operations of the port."""

    READ = "read"
    INITIALIZE = "initialize"


class ReachedService(Enum):
    """Whether the request arrived: after `NO` no write happened, after `UNKNOWN` one may have."""

    YES = "yes"
    """The service answered, so it may have acted."""
    NO = "no"
    """No request was sent."""
    UNKNOWN = "unknown"
    """The request was sent, at least in part, and there was no answer."""


class FaultScope(Enum):
    """Whose fault a failure is.

    The circuit breaker, the retries, the refreshing, what is remembered of a variant and the
    verdict on an entry of the queue go by the scope, and by nothing else.
    """

    ELEMENT = "element"
    """One element of an answer is nonsense: a fault of one variant's data. It is remembered of that
    variant."""
    REQUEST = "request"
    """The service refuses or fails this request, and would answer others: a batch is isolated, so
    that one variant does not cost the rest."""
    CALLER = "caller"
    """The caller left, or gave too little time. It says nothing of the service."""
    PROCESS = "process"
    """This process did not send the request, or stood still. It says nothing of the service."""
    CREDENTIALS = "credentials"
    """The credentials are missing or refused: all requests of an operation fail alike."""
    PATH = "path"
    """Something between this process and the service answered, or damaged the answer. It passes:
    reads are repeated, and a write is never given up for it."""
    SERVICE = "service"
    """The service is down, slow or overloaded, or breaks the contract as a whole."""

    @property
    def of_service(self) -> bool:
        """Whether the circuit breaker counts it: the service cannot be used."""
        return self in _OF_SERVICE


_OF_SERVICE = frozenset({FaultScope.PATH, FaultScope.SERVICE})
