#!/usr/bin/env python3
"""Artists with a planted truth, and artists with none, as COPY statements for psql.

    generate.py --truth none --artists 100 --posts 60 --rho 0.6 --mean 30 --seed 1 | psql ...

Every artist has Instagram, TikTok and YouTube (views and engagement counters, an audience; YouTube's is rounded) and
Spotify, 182 days of them, and `posts` posts. Daily gains are negative binomial about a level that wanders as an
autoregression; posts are log-normal (sigma 0.9) about one that does the same. A truth changes one thing of that. The
user_id tells the truth and the number of the artist: 0000TTTT-...; see TRUTHS.
"""
import argparse
import datetime
import json
import math
import random

DAYS = 182
LAST = datetime.date(2026, 6, 30)
SIGMA = 0.9

TRUTHS = ["none", "format", "weekday", "spike", "collaboration", "level", "weekend", "lead", "release", "week", "gap",
          "reset", "rounding", "echo", "young", "growth_format", "zero", "spike2", "spike3", "drop", "format2", "weekday2",
          "weekday3", "daypart3", "together3", "record"]

# Spikes are spread over so many days: a day on which many accounts jump would be the platform's.
SPIKE_DAYS = 20


def user_id(truth, number):
    return "0000%04d-0000-4000-8000-%012d" % (TRUTHS.index(truth), number)


class Draw:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def normal(self):
        return self.random.gauss(0, 1)

    def poisson(self, mean):
        if mean > 50:
            return max(0, round(mean + math.sqrt(mean) * self.normal()))
        limit, product, count = math.exp(-mean), self.random.random(), 0
        while product > limit:
            product *= self.random.random()
            count += 1
        return count

    def negative_binomial(self, mean, size=5):
        if mean <= 0:
            return 0
        return self.poisson(self.random.gammavariate(size, mean / size))

    def wander(self, n, rho):
        """A stationary autoregression of unit variance."""
        z = self.normal()
        out = []
        for _ in range(n):
            out.append(z)
            z = rho * z + math.sqrt(1 - rho * rho) * self.normal()
        return out


def gains(draw, mean, rho, size=5):
    level = draw.wander(DAYS, rho)
    return [draw.negative_binomial(mean * math.exp(0.3 * z - 0.045), size) for z in level]


def days():
    return [LAST - datetime.timedelta(days=DAYS - 1 - i) for i in range(DAYS)]


def total(start, steps):
    out = []
    for step in steps:
        start += step
        out.append(start)
    return out


class Artist:
    def __init__(self, truth, number, args):
        self.truth, self.number, self.user = truth, number, user_id(truth, number)
        self.draw = Draw("%s %d %d %d %g %g" % (truth, number, args.seed, args.posts, args.rho, args.mean))
        self.args = args
        self.rows, self.items = [], []

    def counters(self):
        mean, rho = self.args.mean, self.args.rho
        return {p: {"audience": gains(self.draw, mean, rho), "engagement": gains(self.draw, 10 * mean, rho),
                    "views": gains(self.draw, 30 * mean, rho)} for p in ("instagram", "tiktok", "youtube")}

    def plant_days(self, c):
        calendar = days()
        ig, yt = c["instagram"], c["youtube"]
        settled = DAYS - 1 - 2                      # Instagram's last settled day
        if self.truth in ("spike", "collaboration"):
            ig["audience"] = gains(self.draw, self.args.mean, 0, size=60)
            # not on the same day for all, or the platform would have moved
            at = settled - 1 - self.number % SPIKE_DAYS
            ig["audience"][at] = round(12 * self.args.mean + 50)
            ig["audience"][at + 1] = round(6 * self.args.mean + 25)
        elif self.truth in ("spike2", "spike3", "drop"):
            # one day is a multiple of itself
            at = settled - 1 - self.number % SPIKE_DAYS
            ig["audience"][at] = round(ig["audience"][at] * {"spike2": 2, "spike3": 3, "drop": 0.02}[self.truth])
        elif self.truth == "level":
            ig["audience"] = [g if i < DAYS - 40 else round(3 * g) for i, g in enumerate(ig["audience"])]
        elif self.truth == "weekend":
            ig["engagement"] = [round(g * (0.5 if d.weekday() >= 5 else 1)) for g, d in zip(ig["engagement"], calendar)]
        elif self.truth == "lead":
            common = self.draw.wander(DAYS + 1, 0)
            yt["views"] = [self.draw.negative_binomial(30 * self.args.mean * math.exp(0.5 * z), 30) for z in common[1:]]
            ig["engagement"] = [self.draw.negative_binomial(10 * self.args.mean * math.exp(0.5 * z), 30) for z in common[:-1]]
        elif self.truth == "week":
            for i in range(settled - 6, settled + 1):
                ig["audience"][i] = round(8 * self.args.mean + 60 + self.draw.negative_binomial(self.args.mean))
        elif self.truth == "zero":
            # followers come one in a while: a window without spread must not alarm on + 1
            ig["audience"] = [1 if self.draw.random.random() < 0.03 else 0 for _ in range(DAYS)]
            ig["audience"][settled - 1] = 1

    def write_days(self):
        c = self.counters()
        self.plant_days(c)
        levels = {p: {k: total({"audience": 20000, "engagement": 300000, "views": 2000000}[k], g) for k, g in v.items()}
                  for p, v in c.items()}
        listeners = total(50000, [round(200 * z) for z in self.draw.wander(DAYS, 0)])
        if self.truth == "echo":
            # one big day enters the 28-day window and leaves it
            listeners = [50000 + (20000 if 0 <= i - (DAYS - 30) < 28 else 0) + round(50 * z)
                         for i, z in enumerate(self.draw.wander(DAYS, 0))]
        if self.truth == "record":
            listeners[DAYS - 2] = listeners[DAYS - 1] = max(listeners) + 3000
        for i, day in enumerate(days()):
            if self.truth == "gap" and DAYS - 14 <= i < DAYS - 6:
                continue                            # eight days lost, with all their gains in the next one
            ig, tt, yt = (levels[p] for p in ("instagram", "tiktok", "youtube"))
            followers = ig["audience"][i]
            if self.truth == "reset" and i >= DAYS - 5:
                followers = max(50, followers - 19000)
            subscribers = yt["audience"][i]
            if self.truth == "rounding":
                subscribers = 10000 + (i >= DAYS - 5) * 1000
            else:
                subscribers -= subscribers % 100
            self.rows.append((self.user, "instagram", day, followers, ig["engagement"][i], {"follower_count": followers}))
            self.rows.append((self.user, "tiktok", day, tt["audience"][i], tt["engagement"][i],
                              {"follower_count": tt["audience"][i], "total_views": tt["views"][i]}))
            self.rows.append((self.user, "youtube", day, subscribers, yt["engagement"][i],
                              {"subscriber_count": subscribers, "total_views": yt["views"][i]}))
            self.rows.append((self.user, "spotify", day, None, None, {"monthly_listeners": listeners[i]}))

    def write_posts(self):
        n = self.args.posts
        wander = self.draw.wander(n, self.args.rho)
        for i in range(n):
            at = datetime.datetime.combine(LAST, datetime.time(0)) - datetime.timedelta(
                days=(DAYS - 1) * (1 - (i + 0.5) / n), hours=-24 * self.draw.random.random())
            platform = "tiktok" if self.truth.startswith("weekday") else "instagram"
            kind = "video" if platform == "tiktok" else self.draw.random.choice(["reel", "photo", "carousel"])
            y = 5 + SIGMA * wander[i]
            title, views, who = "Post %d" % i, None, None
            if self.truth == "format":
                kind = "reel" if i % 2 else "photo"
                y += math.log(3) if kind == "reel" else 0
            elif self.truth == "weekday":
                y = 5 + 0.25 * wander[i] + (math.log(1.4) if at.weekday() == 1 else 0)
            elif self.truth == "format2":
                kind = "reel" if i % 2 else "photo"
                y += math.log(2) if kind == "reel" else 0
            elif self.truth in ("weekday2", "weekday3"):
                y += math.log(int(self.truth[-1])) if at.weekday() == 1 else 0
            elif self.truth == "daypart3":
                y += math.log(3) if 18 <= at.hour < 24 else 0
            elif self.truth == "together3":
                who = ["Ana"] if i % 3 == 0 else None
                y += math.log(3) if who else 0
            elif self.truth == "growth_format":
                # everything grows, and reels came late: none of it is the reels' merit
                kind = "reel" if i > 0.5 * n and self.draw.random.random() < 0.85 else "photo"
                y += 2.5 * i / n
            elif self.truth == "young":
                # all young posts are reels, and have had no time
                age = (LAST - at.date()).days
                kind = "reel" if age < 7 else self.draw.random.choice(["reel", "photo"])
                y += math.log(0.1) if age < 7 else 0
            if platform == "tiktok":
                views = round(20 * math.exp(y))
            self.items.append((self.user, platform, "post%d" % i, kind, at, title, who, round(math.exp(y)), views))
        if self.truth == "collaboration":
            day = LAST - datetime.timedelta(days=2 + 2 + self.number % SPIKE_DAYS)    # the day before the spike
            self.items.append((self.user, "instagram", "duet", "reel", datetime.datetime.combine(day, datetime.time(18)),
                               "Duet feat. Ana", ["Ana"], 50000, None))
        if self.truth == "release":
            day = LAST - datetime.timedelta(days=3)
            self.items.append((self.user, "spotify", "single1", "single", datetime.datetime.combine(day, datetime.time(0)),
                               "New single", None, None, None))
            for i in range(40):
                at = datetime.datetime.combine(LAST, datetime.time(12)) - datetime.timedelta(days=8 + 4 * i)
                for platform, base in (("tiktok", 9.5), ("youtube", 8)):
                    self.items.append((self.user, platform, "v%d" % i, "video", at, "Video %d" % i, None, 10,
                                       round(math.exp(base + 0.8 * self.draw.normal()))))


def text(value):
    if value is None:
        return "\\N"
    if isinstance(value, dict):
        value = json.dumps(value)
    elif isinstance(value, list):
        value = "{" + ",".join('"%s"' % v for v in value) + "}"
    elif isinstance(value, datetime.datetime):
        value = value.isoformat() + "+00"
    return str(value).replace("\\", "\\\\").replace("\t", " ")


def copy(table, columns, rows):
    print("COPY dreamsuite.%s (%s) FROM stdin;" % (table, columns))
    for row in rows:
        print("\t".join(text(value) for value in row))
    print("\\.")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--truth", choices=TRUTHS, default="none")
    parser.add_argument("--artists", type=int, default=20)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--posts", type=int, default=60)
    parser.add_argument("--rho", type=float, default=0)
    parser.add_argument("--mean", type=float, default=30)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rows, items = [], []
    for number in range(args.first, args.first + args.artists):
        artist = Artist(args.truth, number, args)
        artist.write_days()
        artist.write_posts()
        rows += artist.rows
        items += artist.items
    copy("daily_metrics", "user_id, platform, date, follower_count, engagement_total, metrics", rows)
    copy("content_items", "user_id, platform, content_id, kind, published_at, title, collaborators, likes, views", items)


if __name__ == "__main__":
    main()
