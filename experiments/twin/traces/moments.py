"""Dates and times as logs write them, as seconds."""

import re
from collections.abc import Sequence
from datetime import datetime

DATES = ("%Y-%m-%d", "%d.%m.%Y", "%Y/%m/%d", "%d/%m/%Y", "%m/%d/%Y", "%m-%d-%Y", "%d-%m-%Y")
CLOCKS = ("%H:%M:%S", "%H:%M:%S.%f", "%I:%M:%S %p", "%I:%M:%S.%f %p", "%H:%M")
FORMS = (
    *(f"{date} {clock}" for date in DATES for clock in CLOCKS),
    "%a %b %d %H:%M:%S %Y", "%a %d %b %Y %H:%M:%S", "%a %d %b %Y %I:%M:%S %p",
    "%b %d %Y %H:%M:%S", "%d %b %Y %H:%M:%S", "%H:%M:%S", "%H:%M:%S.%f", "%I:%M:%S %p",
)  # fmt: skip
"""Forms of a date and time, or of a time of day; of two that fit, the first is taken."""

DAY_S = 86_400.0

SHOWN = 40
"""Times of a column from which its form is found."""

_ZONE = re.compile(r"\s*(?:(?!AM|PM)[A-Z]{3,4}|Z)(?=$|\s)")
_OFFSET = re.compile(r"(?P<clock>:\d\d(?:[.,]\d+)?)\s*(?P<sign>[+-])(\d\d):?(\d\d)$")
"""How far a clock is ahead of UTC, which changes with summer time."""

_LONG_FRACTION = re.compile(r"(\.\d{6})\d+|,(\d{3,6})\b")


def moment_s(text: str) -> float | None:
    """Seconds since 1970 of a date and time, in whichever zone; None if it is none."""
    return moments_s([text])[0]


def moments_s(texts: Sequence[str]) -> list[float | None]:
    """Seconds since 1970, or since midnight, of times that are all written in one form.

    A time of day that falls by half a day has passed midnight.

    Args:
        texts: Dates and times, in whichever zone; one that is given as hours from UTC may change.

    Returns:
        None for what is no time of the form that most of them have.
    """
    plain = [_plain(text) for text in texts]
    shown = plain[:: max(len(plain) // SHOWN, 1)]

    def count(form: str) -> int:
        return sum(_seconds(text, form) is not None for text in shown)

    form = max(FORMS, key=count)
    moments = past_midnight([_seconds(text, form) for text in plain])
    return [
        None if moment is None else moment - _ahead_s(text)
        for moment, text in zip(moments, texts, strict=True)
    ]


def _ahead_s(text: str) -> float:
    found = _OFFSET.search(text.strip())
    if found is None:
        return 0.0
    seconds = 3600.0 * int(found[3]) + 60.0 * int(found[4])
    return -seconds if found["sign"] == "-" else seconds


def _plain(text: str) -> str:
    text = _OFFSET.sub(r"\g<clock>", text.strip())
    text = _LONG_FRACTION.sub(lambda found: found[1] or f".{found[2]}", text)
    text = _ZONE.sub("", text.replace("_", " "))
    return " ".join(re.sub(r"(?<=\d)T(?=\d)", " ", text).split())


def _seconds(text: str, form: str) -> float | None:
    try:
        moment = datetime.strptime(text, form)
    except ValueError:
        return None
    begin = datetime(1970, 1, 1) if "%Y" in form else datetime(1900, 1, 1)
    return (moment - begin).total_seconds()


def past_midnight(moments: Sequence[float | None]) -> list[float | None]:
    """Times of day with a day added each time that they fall by half a day; dates stay."""
    days, before, found = 0, 0.0, list[float | None]()
    for moment in moments:
        if moment is not None:
            days += moment <= DAY_S and before - moment > DAY_S / 2
            before = moment
        found.append(None if moment is None else moment + DAY_S * days)
    return found
