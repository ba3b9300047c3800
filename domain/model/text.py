"""Foreign words, made fit for a sentence, a log and a terminal."""


def one_line(text: str) -> str:
    """`text` on one line, with nothing in it that a log or a terminal would obey.

    Runs of white space become one blank, and so does each other character that is not printable:
    control characters, line separators, marks of direction, lone surrogates.
    """
    return "".join(c if c.isprintable() else " " for c in " ".join(text.split()))
