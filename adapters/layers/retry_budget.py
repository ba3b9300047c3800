"""`RetryBudget`: limits the retries of all callers of one service together."""

import attrs

from shelfport.domain.model.validators import number


@attrs.define
class RetryBudget:
    """A token bucket: each first attempt adds `ratio` tokens, each retry takes one token.

    Together all callers of a failed service send at most `ratio` more requests than without
    retries, plus one for each token that was in the bucket. There is one object for each service,
    shared by everything that retries (a retry budget, as in Finagle and the SRE book, chapter 21).
    """

    ratio: float = attrs.field(default=0.1, validator=number(0, 1, unit="tokens"))
    """Tokens that a first attempt adds: 0.1 is one retry for ten first attempts."""
    reserve: float = attrs.field(default=3.0, validator=number(0, 1000, unit="tokens"))
    """Tokens at the start, for a process that has sent few requests yet."""
    most: float = attrs.field(default=10.0, validator=number(0, 10_000, unit="tokens"))
    """Tokens in the bucket, at most."""
    _tokens: float = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        if self.most < self.reserve:
            raise ValueError(
                f"most is {self.most:g}: it must be at least the reserve ({self.reserve:g} tokens)"
            )
        self._tokens = self.reserve

    @property
    def tokens(self) -> float:
        """The tokens in the bucket now."""
        return self._tokens

    def first_attempt(self) -> None:
        """Count a first attempt."""
        self._tokens = min(self.most, self._tokens + self.ratio)

    def take(self) -> bool:
        """Take the token of one retry; False, and nothing taken, if there is none."""
        # 10 deposits of 0.1 are a hair less than 1 in floating point.
        if self._tokens < 1.0 - 1e-9:
            return False
        self._tokens -= 1.0
        return True
