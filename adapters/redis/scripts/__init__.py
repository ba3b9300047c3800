"""`Script`: a Lua script that runs on the server, known there by its SHA-1."""

from hashlib import sha1
from pathlib import Path
from typing import Self

import attrs


@attrs.frozen
class Script:
    """One script of this folder."""

    text: str = attrs.field(repr=False)
    sha: str
    """The checksum by which EVALSHA calls it; Redis defines it, and it protects nothing."""

    @classmethod
    def load(cls, file: Path) -> Self:
        """Read a script from its file."""
        text = file.read_text(encoding="utf-8")
        return cls(text, sha1(text.encode(), usedforsecurity=False).hexdigest())
