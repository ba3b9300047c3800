"""The one way in which a log record gets its structured fields."""


def event(name: str, /, **fields: object) -> dict[str, object]:
    """A record's `extra`: the event's name, and fields that a log store can search by.

    Every record of the package has one, under a name and with fields that docs/logs.md lists; a
    test reads the calls of this function. A field must not be called as one of `LogRecord`'s own.
    """
    return {"event": name, **fields}
