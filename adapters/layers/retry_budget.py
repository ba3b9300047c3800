"""`RetryBudget`: how much may be sent again, over all callers of one service."""

import attrs

from shelfport.domain.model.validators import number


@attrs.define
class RetryBudget:
    """A bucket of tokens: first attempts fill it a little, each repetition takes one.

    However many callers meet a dead service at once, together they send at most `ratio` more
    than without repetitions, plus what was in the bucket. One object a service, shared by
    everything that repeats (a retry budget, as in Finagle and the SRE book, chapter 21).
    """

    ratio: float = attrs.field(default=0.1, validator=number(0, 1, unit="tokens"))
    """Tokens that a first attempt puts in: 0.1 is one repetition for ten first attempts."""
    reserve: float = attrs.field(default=3.0, validator=number(0, 1000, unit="tokens"))
    """Tokens at the start, for a process that has not sent much yet."""
    most: float = attrs.field(default=10.0, validator=number(0, 10_000, unit="tokens"))
    """Tokens that are kept, at most: a quiet day does not save up for a storm."""
    _tokens: float = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        if self.most < self.reserve:
            raise ValueError(
                f"most is {self.most:g}: it must be at least the reserve ({self.reserve:g} tokens)"
            )
        self._tokens = self.reserve

    @property
    def tokens(self) -> float:
        """What is left."""
        return self._tokens

    def first_attempt(self) -> None:
        """Count a first attempt."""
        self._tokens = min(self.most, self._tokens + self.ratio)

    def take(self) -> bool:
        """Take the token of one repetition; False, and nothing taken, if there is none."""
        # 10 deposits of 0.1 are a hair less than 1 in floating point.
        if self._tokens < 1.0 - 1e-9:
            return False
        self._tokens -= 1.0
        return True
