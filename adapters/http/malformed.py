"""What can be wrong with the body of an answer, by what it costs."""

from shelfport.domain.model import FaultScope


class Malformed(Exception):
    """A document, or an element of it, breaks the contract; the message says how."""

    scope = FaultScope.ELEMENT


class BrokenDocument(Malformed):
    """A document that breaks the contract as a whole: it tells nothing of any variant."""

    scope = FaultScope.SERVICE


class AboutOthers(Malformed):
    """A document about other variants than the request.

    Something on the way answered for the service, as a cache that ignores the query. The document
    is not damaged, and would come again.
    """

    scope = FaultScope.PATH


class Garbled(Malformed):
    """No JSON, or JSON that is cut short: not what the service sends."""

    scope = FaultScope.PATH
