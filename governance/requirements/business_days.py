"""Business days and months of the City of New York's rules."""

import calendar
from datetime import date, timedelta

_MONDAY, _THURSDAY = 0, 3


def business_days(first: date, last: date) -> int:
    """Full business days after `first` and before `last`: no weekend, no federal
    holiday. The rules do not define the word; this reading is the strictest.
    """
    days = 0
    day = first + timedelta(days=1)
    while day < last and days < 400:
        days += day.weekday() < 5 and day not in holidays(day.year)
        day += timedelta(days=1)
    return days


def holidays(year: int) -> frozenset[date]:
    """The federal holidays of a year as they are observed (5 USC 6103)."""
    fixed = [(1, 1), (6, 19), (7, 4), (11, 11), (12, 25)]
    found = {_observed(date(year, month, day)) for month, day in fixed}
    found |= {_observed(date(year + 1, 1, 1))}
    found |= {
        _nth(year, 1, _MONDAY, 3),
        _nth(year, 2, _MONDAY, 3),
        _last_monday(year, 5),
        _nth(year, 9, _MONDAY, 1),
        _nth(year, 10, _MONDAY, 2),
        _nth(year, 11, _THURSDAY, 4),
    }
    return frozenset(found)


def _observed(day: date) -> date:
    """Saturday's holidays fall on Friday, Sunday's on Monday."""
    shift = {5: -1, 6: 1}.get(day.weekday(), 0)
    return day + timedelta(days=shift)


def _nth(year: int, month: int, weekday: int, number: int) -> date:
    first = date(year, month, 1)
    ahead = (weekday - first.weekday()) % 7
    return first + timedelta(days=ahead + 7 * (number - 1))


def _last_monday(year: int, month: int) -> date:
    last = date(year, month, calendar.monthrange(year, month)[1])
    return last - timedelta(days=last.weekday())


def months_after(day: date, months: int) -> date:
    """The same day so many months later; the month's last day where it has none."""
    total = day.month - 1 + months
    year, month = day.year + total // 12, total % 12 + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))
