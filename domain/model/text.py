"""Makes foreign text safe for messages, logs and terminals."""


def one_line(text: str) -> str:
    """`text` on one line, without characters that control a log or a terminal.

    Runs of white space become one blank. So does each other character that is not printable:
    control characters, line separators, direction marks, lone surrogates.
    """
    return "".join(c if c.isprintable() else " " for c in " ".join(text.split()))
