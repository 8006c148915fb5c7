"""The world behind the APIs: artists whose numbers grow over a calendar.

Every number is a pure function of (seed, artist, platform, time), so a test may ask for the truth at any
moment and in any order. What is cached here is only a faster way to the same value.

An artist is a number. Its ids at the platforms are made from that number (see ids.py), so that one artist
has the same name, releases and collaborations everywhere. Times are seconds since 1970 in UTC.
"""

import math
from array import array
from bisect import bisect_right
from collections import OrderedDict
from random import Random

DAY = 86400
GENESIS = 1735689600  # 2025-01-01T00:00:00Z, a Wednesday: the growth tables begin here
CHUNK = 128  # days whose chances come from one generator
CACHED = 4000  # artists and accounts kept at once

SYLLABLES = ("ka", "lo", "mi", "ra", "ve", "no", "ti", "sa", "el", "on", "ri", "du", "ma", "fe", "zu", "li")
WORDS = ("Glass", "River", "Paper", "Lantern", "Tide", "Velvet", "Copper", "Winter", "Signal", "Orchard",
         "Static", "Harbor", "Ember", "Mirror", "Satellite", "Meadow", "Neon", "Quiet", "Marble", "Thunder")

# Followers relative to the artist's size; items a week; items before GENESIS.
PLATFORMS = {
    "instagram": (1.00, 3.0, 24), "facebook": (0.60, 2.0, 20), "spotify": (0.80, 0.0, 8),
    "youtube": (0.70, 1.0, 20), "tiktok": (1.40, 4.0, 24), "soundcloud": (0.20, 0.0, 10),
    "twitter": (0.40, 5.0, 30), "apple_music": (0.50, 0.0, 8), "deezer": (0.30, 0.0, 8), "tidal": (0.10, 0.0,
                                                                                                   8),
}
MUSIC = ("spotify", "soundcloud", "apple_music", "deezer", "tidal")

# Kinds of posts with their share, and how far beyond the followers a typical one is seen.
KINDS = {
    "instagram": (("photo", 0.35, 0.45), ("reel", 0.40, 1.30), ("carousel", 0.25, 0.60)),
    "facebook": (("photo", 0.40, 0.20), ("video", 0.20, 0.40), ("link", 0.20, 0.12), ("status", 0.20, 0.15)),
    "youtube": (("video", 0.60, 0.80), ("short", 0.35, 1.60),
                ("live", 0.05, 0.30)), "tiktok": (("video", 0.85, 1.50), ("photo", 0.15, 0.60)),
    "twitter": (("tweet", 0.70, 0.30), ("reply", 0.20, 0.05), ("quote", 0.10, 0.20)),
}

LEADING = {"instagram": 1,
           "facebook": 1}  # the kind in which releases and collaborations are posted; else the first


def chance(*key):
    """A random generator that depends on nothing but the key."""
    return Random("/".join(map(str, key)))


class Lru(OrderedDict):
    """A dictionary that keeps the CACHED entries used last."""

    def get_or_make(self, key, make):
        if key in self:
            self.move_to_end(key)
            return self[key]
        value = self[key] = make()
        if len(self) > CACHED:
            self.popitem(last=False)
        return value


class Release:
    """A single, EP or album of the artist, the same on every music platform."""
    __slots__ = ("index", "at", "kind", "title", "tracks", "strength", "partner")

    def __init__(self, index, at, kind, title, tracks, strength, partner):
        self.index, self.at, self.kind, self.title = index, at, kind, title
        self.tracks, self.strength, self.partner = tracks, strength, partner


class Artist:
    """One artist: name, size, calendar of releases, collaborations and purges."""

    def __init__(self, seed, number):
        self.seed, self.number = seed, number
        r = chance(seed, number, "artist")
        self.name = "".join(r.choice(SYLLABLES)
                            for _ in range(r.randint(2, 3))).title() + " " + r.choice(WORDS)
        self.size = 10**r.uniform(3.0, 5.3)
        self.daily = r.uniform(0.0004, 0.0016)  # share of the size that joins on an ordinary day
        self.trend = r.uniform(-0.2, 0.6)  # change of that rate in a year
        self.best_day = r.randrange(7)
        self.hides_likes = r.random() < 0.08
        self.hides_subscribers = r.random() < 0.04
        self.known_releases = {}
        self.country = r.choice(("BR", "US", "DE", "FR", "JP", "MX", "NG", "SE"))

    def weekday_factor(self, day):
        """How busy a day is, by its distance from the artist's best weekday."""
        return 1.0 + 0.35 * math.cos(2 * math.pi * ((day - self.best_day) % 7) / 7)

    def release(self, index):
        """The release of that index, on a Friday about every 45 days; negative indices lie before GENESIS."""
        if index not in self.known_releases:
            self.known_releases[index] = self.make_release(index)
        return self.known_releases[index]

    def make_release(self, index):
        r = chance(self.seed, self.number, "release", index)
        day = 20 + 45 * index + r.randrange(25)
        day += (2 - day) % 7  # day 2 after GENESIS is a Friday
        kind = r.choices(("single", "ep", "album"), (0.6, 0.2, 0.2))[0]
        tracks = {"single": r.randint(1, 2), "ep": r.randint(4, 6), "album": r.randint(8, 14)}[kind]
        title = f"{r.choice(WORDS)} {r.choice(WORDS)}"
        partner = None
        if r.random() < 0.25:
            partner = neighbour(r, self.number)
        return Release(index, GENESIS + day * DAY, kind, title, tracks, r.lognormvariate(0, 0.6), partner)

    def collaboration(self, index):
        """(time, partner's number, strength) of a post made with another artist, about every 60 days."""
        r = chance(self.seed, self.number, "collaboration", index)
        day = 35 + 60 * index + r.randrange(30)
        return GENESIS + day * DAY + r.randrange(9, 21) * 3600, neighbour(r, self.number), r.lognormvariate(
            0, 0.4)

    def purge(self, index):
        """(day, share) of followers that a platform removes as fake, about every 120 days."""
        r = chance(self.seed, self.number, "purge", index)
        return 60 + 120 * index + r.randrange(60), r.uniform(0.002, 0.012)


def neighbour(r, number):
    """Another artist's number, near the artist's own."""
    other = number + r.randint(-40, 40)
    return other if other > 0 and other != number else number + 41


def decades(at, first, every):
    """The indices of a calendar's entries (about one in `every` days, from day `first`) that can lie
    before `at`."""
    return range(0, max(0, int((at - GENESIS) / DAY - first) // every + 2))


class Item:
    """A post, reel, video, tweet: what it is, and the size its counts grow to."""
    __slots__ = ("index", "at", "kind", "title", "partners", "views", "likes", "comments", "shares", "saves",
                 "hides_likes", "hides_comments", "duration", "release", "strength")

    def age(self, t):
        return max(0.0, (t - self.at) / DAY)

    def grown(self, full, t):
        """A count at time t: most of it within two days, the rest within a month, then a slow tail. Never
        falls."""
        age = max(0.0, (t - self.at) / DAY)
        return int(full *
                   (1 - 0.6 * math.exp(-age / 0.9) - 0.4 * math.exp(-age / 9) + 0.03 * math.log1p(age / 30)))

    def count(self, name, t):
        return self.grown(getattr(self, name), t)


class Account:
    """An artist's account at one platform."""

    def __init__(self, world, platform, artist):
        self.world, self.platform, self.artist = world, platform, artist
        self.number = artist.number
        share, self.per_week, self.archive = PLATFORMS[platform]
        rule = world.scale_of(artist.number)
        self.archive = rule.get("posts", self.archive)
        self.per_week = rule.get("cadence", self.per_week)
        self.calendar = rule.get("cadence", 1) > 0
        r = chance(world.seed, artist.number, platform)
        self.base = artist.size * share * r.lognormvariate(0, 0.3)
        self.gains = array("d", [0.0])  # net followers gained by the start of each day since GENESIS
        self.burst = 0.0
        self.built = []  # items, oldest first
        self.times = []
        self.chunks = 0
        self.sums = {}

    # Followers

    def followers(self, t):
        """Followers at time t, exact."""
        position = (t - GENESIS) / DAY
        if position <= 0:
            return max(0, int(self.base * (1 + position * self.artist.daily / 4)))
        day = int(position)
        self.extend(day + 1)
        gained = self.gains[day] + (self.gains[day + 1] - self.gains[day]) * (position - day)
        return max(0, int(self.base + gained))

    def extend(self, day):
        """Fills the table of gains up to the start of `day`, a chunk of days at a time."""
        while len(self.gains) <= day:
            start = len(self.gains) - 1
            self.gains.extend(self.chunk(start))

    def chunk(self, start):
        artist, ordinary = self.artist, self.base * self.artist.daily
        r = chance(self.world.seed, artist.number, self.platform, "gains", start)
        end = GENESIS + (start + CHUNK) * DAY
        bursts, losses = {}, {}
        if self.calendar:
            for i in decades(end, 0, 45):
                release = artist.release(i)
                bursts.setdefault(int((release.at - GENESIS) // DAY), []).append(6 * release.strength)
            for i in decades(end, 35, 60):
                at, _, strength = artist.collaboration(i)
                bursts.setdefault(int((at - GENESIS) // DAY) + 1, []).append(9 * strength)
            for i in decades(end, 60, 120):
                day, part = artist.purge(i)
                losses[day] = part
        gained, burst = self.gains[-1], self.burst
        for day in range(start, start + CHUNK):
            for more in bursts.get(day, ()):
                burst += more
            rate = (1 + artist.trend * day / 365) * artist.weekday_factor(day) * r.lognormvariate(0, 0.25)
            gained += ordinary * (max(rate, 0.05) + burst)
            gained -= (self.base + gained) * losses.get(day, 0.0)
            burst *= 0.55
            yield gained
        self.burst = burst

    # Posts

    def items(self, t):
        """The items published by t, oldest first."""
        while not self.chunks or GENESIS + self.chunks * CHUNK * DAY <= t:
            self.add_items()
        return self.built[:bisect_right(self.times, t)]

    def item(self, index, t):
        """The item of that index, or None where none is published by t."""
        items = self.items(t)
        return items[index] if 0 <= index < len(items) else None

    def add_items(self):
        """Adds the archive (first call) and then the items of the next chunk of days."""
        r = chance(self.world.seed, self.number, self.platform, "items", self.chunks)
        added = []
        if self.chunks == 0:
            for i in range(self.archive):
                added.append((GENESIS - DAY * 500 * (self.archive - i) / self.archive + r.randrange(43200),
                              None, None))
        start = GENESIS + self.chunks * CHUNK * DAY
        posts = int(self.per_week * CHUNK / 7)
        for i in range(posts):
            added.append((start + CHUNK * DAY * (i + 0.9 * r.random()) / posts, None, None))
        end = start + CHUNK * DAY
        if self.calendar:
            for i in decades(end, 0, 45):
                release = self.artist.release(i)
                if start <= release.at < end:
                    added.append((release.at + 10 * 3600, release, None))
            for i in decades(end, 35, 60):
                at, partner, _ = self.artist.collaboration(i)
                if start <= at < end:
                    added.append((at, None, partner))
        added.sort(key=lambda entry: entry[0])
        for at, release, partner in added:
            item = self.make_item(len(self.built), float(int(at)), release, partner, r)
            self.built.append(item)
            self.times.append(item.at)
        self.chunks += 1

    def make_item(self, index, at, release, partner, r):
        item = Item()
        item.index, item.at, item.release = index, at, release
        kinds = KINDS.get(self.platform, (("track", 1.0, 0.5), ))
        kind, _, far = r.choices(kinds, [k[1] for k in kinds])[0]
        if release or partner:
            kind, _, far = kinds[LEADING.get(self.platform, 0)]
        item.kind = kind
        item.title = release.title if release else f"{r.choice(WORDS)} {r.choice(WORDS)} {index}"
        item.partners = [partner] if partner else ([release.partner] if release and release.partner else [])
        item.strength = r.lognormvariate(0, 0.7) * (2.5 if release else 2.0 if partner else 1.0)
        item.views = self.base * far * item.strength + 20
        item.likes = item.views * r.uniform(0.03, 0.09)
        item.comments = item.likes * r.uniform(0.02, 0.08)
        item.shares = item.likes * r.uniform(0.02, 0.10)
        item.saves = item.likes * r.uniform(0.03, 0.15)
        item.hides_likes = self.artist.hides_likes and r.random() < 0.5
        item.hides_comments = r.random() < 0.02
        item.duration = r.randint(12, 58) if kind in ("short", "reel") else r.randint(95, 420)
        return item

    def total(self, name, t):
        """The sum of one count over all items published by t."""
        key = (name, t)
        if key not in self.sums:
            if len(self.sums) > 64:
                self.sums.clear()
            self.sums[key] = sum(item.count(name, t) for item in self.items(t))
        return self.sums[key]

    # Releases (music platforms)

    def releases(self, t):
        """The artist's releases out by t, newest first."""
        artist = self.artist
        first = -self.archive
        out = [artist.release(i) for i in range(first, 0)]
        if self.calendar:
            out += [artist.release(i) for i in decades(t, 0, 45)]
        out = [release for release in out if release.at <= t]
        out.sort(key=lambda release: (-release.at, -release.index))
        return out

    # Daily numbers that are no sums of items

    def daily(self, name, day, ratio):
        """A daily number (reach, profile views): a share of the followers, by weekday, bursts and chance."""
        t = GENESIS + day * DAY
        r = chance(self.world.seed, self.number, self.platform, name, day)
        gain = max(0, self.followers(t + DAY) - self.followers(t))
        return int((self.followers(t) * ratio + gain * 8 * ratio) * self.artist.weekday_factor(day) *
                   r.lognormvariate(0, 0.2))

    def window(self, name, since, until, ratio):
        """The sum of a daily number over the whole UTC days of [since, until)."""
        first, last = int((since - GENESIS) // DAY), int((until - GENESIS) // DAY)
        key = (name, first, last)
        if key not in self.sums:
            if len(self.sums) > 64:
                self.sums.clear()
            self.sums[key] = sum(self.daily(name, day, ratio) for day in range(first, last))
        return self.sums[key]

    def stories(self, t):
        """The stories that are live at t: (day, index, published), oldest first; each lives 24 hours."""
        live = []
        for day in (int(t // DAY) - 1, int(t // DAY)):
            r = chance(self.world.seed, self.number, self.platform, "stories", day)
            for i in range(r.choice((0, 1, 1, 2, 3))):
                at = day * DAY + r.randrange(7 * 3600, 23 * 3600)
                if at <= t < at + DAY:
                    live.append((day, i, float(at)))
        live.sort(key=lambda story: story[2])
        return live


class World:
    """All artists, made on demand."""

    def __init__(self, seed=1, scales=()):
        self.seed = seed
        self.scales = list(scales)  # (first, last, {"posts": n, "cadence": per week})
        self.artists = Lru()
        self.accounts = Lru()
        self.rankings = {}  # charts by storefront and day

    def scale_of(self, number):
        rule = {}
        for first, last, values in self.scales:
            if first <= number <= last:
                rule.update(values)
        return rule

    def artist(self, number):
        return self.artists.get_or_make(number, lambda: Artist(self.seed, number))

    def account(self, platform, number):
        return self.accounts.get_or_make((platform, number),
                                         lambda: Account(self, platform, self.artist(number)))
