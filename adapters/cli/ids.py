"""The variants that a command is about, from arguments, a file or standard input."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import attrs

from shelfport.adapters.cli.options import CallOptions, load_command_settings, misuse
from shelfport.adapters.cli.running import Misuse
from shelfport.adapters.composition.identity import HostMapper, make_ids, mapper_to_use
from shelfport.adapters.config.settings import Settings
from shelfport.adapters.facade.host_ids import HostIds
from shelfport.domain.model import ProductVariantId
from shelfport.ports import InitialStock

STDIN = "-"


@attrs.frozen
class NamedVariant:
    """A variant that the command line names."""

    ref: str
    """What the façade takes: the given text, or without a mapper the variant's id."""
    variant: ProductVariantId
    host_id: str | None = None
    """The host's own id, where it differs from the variant's."""

    @property
    def name(self) -> str:
        """The id to show to people: the host's own, where it has one."""
        return self.host_id or self.variant


@attrs.frozen
class NamedVariants:
    """Reads and shows ids as people know them: the host's, or without a mapper the service's."""

    ids: HostIds[str]
    mapper: HostMapper

    @classmethod
    def of(cls, settings: Settings) -> "NamedVariants":
        """By the mapper and the format of the settings.

        Raises:
            Misuse: the mapper cannot be imported.
        """
        with misuse():
            mapper = mapper_to_use(settings, None)
            return cls(make_ids(settings, mapper), mapper)

    @classmethod
    def by(cls, options: CallOptions) -> "NamedVariants":
        """By the settings of a command; they need not name a service yet.

        Raises:
            Misuse: they are not valid, or the mapper cannot be imported.
        """
        with misuse():
            return cls.of(
                load_command_settings(options.settings, {"base_url": options.base_url}).settings
            )

    def named(self, text: str) -> NamedVariant:
        """The variant that `text` names.

        Raises:
            ValueError: it names none.
        """
        try:
            [variant] = self.ids.variants((text,))
        except ValueError:
            raise
        except Exception as error:
            # The mapper is the host's code: a lookup in a dict raises KeyError, for example.
            raise ValueError(
                f"{text!r} is not a variant: the mapper raised {type(error).__name__}: {error}"
            ) from error
        if self.mapper is None:
            return NamedVariant(variant, variant)
        return NamedVariant(text, variant, self.host_id(variant) or _other(text, variant))

    def host_id(self, variant: ProductVariantId) -> str | None:
        """The host's own id of `variant`; None where there is no other, or no way back to it."""
        mapper: Any = self.mapper
        if not hasattr(mapper, "to_host"):
            return None
        try:
            ref = mapper.to_host(variant)
        except LookupError:
            return None
        return _other(self.ids.host_id(ref), variant)

    def host_id_of(self, request: InitialStock) -> str | None:
        """The host's own id of a queued variant: by the mapper, or else as the host queued it."""
        variant = request.variant_id
        return self.host_id(variant) or _other(request.host_id, variant)

    def from_argument(self, argument: str) -> NamedVariant:
        """The variant that `argument` names.

        Raises:
            Misuse: it names none.
        """
        with misuse():
            return self.named(argument)

    def from_arguments(self, arguments: Sequence[str]) -> list[NamedVariant]:
        """The variants that `arguments` name, each once; a single `-` reads standard input.

        Blocks while it reads: call it before an event loop runs, or Ctrl-C does not end it.

        Raises:
            Misuse: one names no variant, `-` is not alone, or standard input names none.
        """
        # As `-` may be an ID, the parser takes unknown options for IDs.
        option = next((text for text in arguments if text.startswith("-") and text != STDIN), None)
        if option is not None:
            raise Misuse(f"Unknown option: {option}; see shelfport get --help")
        if STDIN not in arguments:
            with misuse():
                return _distinct(map(self.named, arguments))
        if len(arguments) > 1:
            raise Misuse("'-' reads the ids from standard input: it must be the only ID")
        return self._in(None)

    def from_file(self, source: str) -> list[NamedVariant]:
        """The variants that the file `source` names, each once; `-` reads standard input.

        Raises:
            Misuse: it cannot be read, names none, or has a line that names none.
        """
        return self._in(None if source == STDIN else Path(source))

    def _in(self, file: Path | None) -> list[NamedVariant]:
        """The variants that `file` names; None is standard input."""
        place = "standard input" if file is None else str(file)
        if file is not None:
            try:
                content = file.read_bytes()
            except OSError as error:
                raise Misuse(f"{place} cannot be read: {error.strerror}") from error
        elif sys.stdin is None:
            raise Misuse("standard input is closed: there are no ids to read")
        else:
            content = sys.stdin.buffer.read()
        variants = _distinct(self._from_lines(content, place))
        if not variants:
            raise Misuse(f"{place} has no ids: one a line is expected")
        return variants

    def _from_lines(self, content: bytes, place: str) -> list[NamedVariant]:
        variants: list[NamedVariant] = []
        # bytes.splitlines counts lines as editors do; str.splitlines knows eight more line ends.
        lines = content.removeprefix(b"\xef\xbb\xbf").splitlines()
        for number, line in enumerate(lines, start=1):
            text = line.decode(errors="replace").strip()
            if not text or text.startswith("#"):
                continue
            try:
                variants.append(self.named(text))
            except ValueError as error:
                raise Misuse(f"line {number} of {place}: {error}") from error
        return variants


def _distinct(variants: Iterable[NamedVariant]) -> list[NamedVariant]:
    """Each variant once, as its first text named it: several texts may name one variant."""
    found: dict[ProductVariantId, NamedVariant] = {}
    for named in variants:
        found.setdefault(named.variant, named)
    return list(found.values())


def _other(host_id: str | None, variant: ProductVariantId) -> str | None:
    return None if host_id == variant else host_id
