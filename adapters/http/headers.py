"""Reads the headers that say how old an answer is, and whether it is only a part."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from aiohttp import hdrs
from multidict import CIMultiDictProxy

MAX_DELTA_SECONDS = 2**31
"""The most that a header can say, in seconds; more counts as this (RFC 9111 §1.2.2)."""
X_TOTAL_COUNT = "X-Total-Count"
_DIGITS = 11
"""More digits than `MAX_DELTA_SECONDS` has, and few enough to read quickly."""

_CONTENT_RANGE = re.compile(
    r"[ \t]*(?:[^ \t,]+[ \t]+)?(?:([0-9]{1,18})-([0-9]{1,18})|\*)/([0-9]{1,18})[ \t]*"
)
# A text without its closing mark ends at the end of the header, so that each alternative matches
# in one go: hostile text costs linear time.
_LINK_PARTS = re.compile(
    r"""(?P<target><[^<>]*>?)"""
    r"""|;[ \t]*(?P<name>[!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*=[ \t]*"""
    r"""(?:"(?P<quoted>(?:[^"\\]|\\.)*)"?|(?P<token>[^ \t;,"]*))"""
    r"""|"(?:[^"\\]|\\.)*"?"""
)


class CacheControl:
    """The `Cache-Control` of a read: how old an answer of a cache on the way may be.

    Args:
        ttl: the limit, in seconds, for calls that do not set less.
    """

    def __init__(self, ttl: float) -> None:
        self._ttl = ttl
        self._text = _max_age(ttl)

    def __call__(self, max_staleness: float | None) -> str:
        """The header's value for a call that accepts `max_staleness` seconds."""
        if max_staleness is None or max_staleness >= self._ttl:
            return self._text
        return _max_age(max_staleness)


def _max_age(seconds: float) -> str:
    """Less than a second is `no-cache` (RFC 9111 §5.2.1).

    `Age` has whole seconds: with `max-age=0` a cache may answer what it has kept for 0.9 s.
    """
    whole = int(min(seconds, MAX_DELTA_SECONDS))
    return f"max-age={whole}" if whole > 0 else "no-cache"


def age_seconds(values: Sequence[str]) -> tuple[float, bool]:
    """Read `Age` (RFC 9111 §5.1): the seconds, and whether the header is as the RFC says.

    A malformed age counts as none. Of several the largest holds: an answer is never shown as newer
    than a cache on the way says.

    Args:
        values: every `Age` header of an answer.
    """
    members = [member.strip(" \t") for value in values for member in value.split(",")]
    ages = [age for age in map(_whole_number, members) if age is not None]
    return float(max(ages, default=0)), len(ages) == len(members) == 1


def http_date(text: str) -> datetime | None:
    """Read an HTTP date (RFC 9110 §5.6.7); None if it is malformed."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def sign_of_more(headers: CIMultiDictProxy[str], elements: int) -> str | None:
    """Why an answer with `elements` elements may be a part only; None if no header says so."""
    if _has_next_page(headers.getall(hdrs.LINK, ())):
        return 'its header Link says that there is a next page (rel="next")'
    total = _whole_number(headers.get(X_TOTAL_COUNT, "").strip(" \t"))
    if total is not None and total > elements:
        return f"its header {X_TOTAL_COUNT} says {total}, and it has {elements} elements"
    part = _CONTENT_RANGE.fullmatch(headers.get(hdrs.CONTENT_RANGE, ""))
    if part is not None:
        first, last, count = part.groups()
        if last is None:
            whole = int(count) <= elements
        else:
            whole = int(first) == 0 and int(last) + 1 >= int(count)
        if not whole:
            return f"its header {hdrs.CONTENT_RANGE} says {part[0].strip()}"
    return None


def _whole_number(text: str) -> int | None:
    """Read `1*DIGIT`, at most `MAX_DELTA_SECONDS`; None for anything else."""
    if not (text.isascii() and text.isdigit()):
        return None
    return min(int(text.lstrip("0")[:_DIGITS] or "0"), MAX_DELTA_SECONDS)


def _has_next_page(values: Sequence[str]) -> bool:
    """Whether a `Link` header (RFC 8288 §3) has the relation `next`."""
    for value in values:
        has_relation = False
        for part in _LINK_PARTS.finditer(value):
            if part["target"] is not None:
                has_relation = False
            elif (part["name"] or "").lower() == "rel" and not has_relation:
                has_relation = True  # a second `rel` of one link does not count
                relations = part["token"] if part["quoted"] is None else part["quoted"]
                if "next" in relations.lower().split():
                    return True
    return False
