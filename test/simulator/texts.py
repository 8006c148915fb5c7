"""Small texts that many platforms need: times in their spellings, digests, whole numbers out of
parameters."""

import hashlib
from datetime import datetime, timedelta, timezone


def moment(t):
    return datetime.fromtimestamp(t, timezone.utc)


def iso_date(t):
    return moment(t).strftime("%Y-%m-%d")


def iso_time(t):
    return moment(t).strftime("%Y-%m-%dT%H:%M:%SZ")


def iso_millis(t):
    return moment(t).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def graph_time(t):
    """As Meta's Graph API writes it, without a colon in the offset."""
    return moment(t).strftime("%Y-%m-%dT%H:%M:%S+0000")


def parse_time(text):
    """Seconds since 1970 of an ISO 8601 time or date (without a zone: UTC), or of a number."""
    if isinstance(text, (int, float)):
        return float(text)
    text = text.strip()
    if text.replace(".", "", 1).isdigit() and len(text) != 8:
        return float(text)
    value = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (value if value.tzinfo else value.replace(tzinfo=timezone.utc)).timestamp()


def pacific_offset(day):
    """Seconds that America/Los_Angeles is behind UTC on a date: daylight saving from the second Sunday of
    March to the first Sunday of November, the rule since 2007; the change at 2 o'clock is put at midnight."""

    def sunday(month, nth):
        first = datetime(day.year, month, 1)
        return first + timedelta(days=(6 - first.weekday()) % 7 + 7 * (nth - 1))

    noon = datetime(day.year, day.month, day.day)
    return 7 * 3600 if sunday(3, 2) < noon <= sunday(11, 1) else 8 * 3600


def pacific_midnight(day):
    """The start of a date (datetime.date) in America/Los_Angeles, seconds since 1970."""
    return datetime(day.year, day.month, day.day, tzinfo=timezone.utc).timestamp() + pacific_offset(day)


def isrc(track):
    """The recording's code, the same on every platform that numbers its tracks alike."""
    return f"QZ{track % 10 ** 10:010d}"


def md5(*parts):
    """A digest that stands for a picture's or a list's checksum."""
    return hashlib.md5("/".join(map(str, parts)).encode()).hexdigest()


def number(text, default=None):
    """The whole number that a parameter holds, or the default."""
    try:
        return int(text)
    except (TypeError, ValueError):
        return default
