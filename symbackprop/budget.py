"""How long a claim may take: a clock that slow work looks at, so that what is already earned can be given in time.

The clock counts this thread's own computing, so that a busy machine changes no verdict.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count

EVERY = 32
_CALLS = count()
_DEADLINE: ContextVar[float] = ContextVar("deadline", default=float("inf"))


class OutOfTime(Exception):
    """The time for a piece of work is over; nothing more is known than before it began."""


@contextmanager
def limit(seconds: float) -> Iterator[None]:
    """Work inside ends after `seconds` of computing, or earlier where an outer limit says so."""
    token = _DEADLINE.set(min(_DEADLINE.get(), time.thread_time() + seconds))
    try:
        yield
    finally:
        _DEADLINE.reset(token)


def tick() -> None:
    """Raise `OutOfTime` when the time is over; the clock is asked at every so manieth call, for asking takes time too."""
    if next(_CALLS) % EVERY == 0 and time.thread_time() > _DEADLINE.get():
        raise OutOfTime


def left() -> float:
    """Seconds that are left."""
    return _DEADLINE.get() - time.thread_time()
