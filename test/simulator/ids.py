"""Ids: every platform's spelling of an artist's number, and of its content.

An id of the platform's own pattern is the number itself (Deezer 4711, Instagram 17841400000004711, YouTube
UC and 22 digits); any other id is hashed to a number and remembered, so that answers name the account as
it was asked for. A content id holds the number and the item's index: nothing has to be stored to find it
again.
"""

from hashlib import blake2b

TOO_LARGE = 10**10
BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

# platform: what stands before the number, and the least number of digits after it
ACCOUNT_IDS = {
    "instagram": ("178414", 11), "facebook": ("10000", 10), "spotify": ("sim", 19), "youtube": ("UC", 22),
    "tiktok": ("-000", 32), "soundcloud": ("", 1), "twitter": ("150000000", 10), "apple_music": ("", 1),
    "deezer": ("", 1), "tidal": ("", 1),
}

remembered = {}


def external_id(platform, number):
    """The id by which the platform knows the artist."""
    if (platform, number) in remembered:
        return remembered[platform, number]
    prefix, digits = ACCOUNT_IDS[platform]
    return f"{prefix}{number:0{digits}d}"


def number_of(platform, external):
    """The artist's number. A bare number is one too (as in the token tok-youtube-4711); None for an empty
    id."""
    external = str(external or "").split("/")[-1].split("?")[0]
    if platform in ("soundcloud", "spotify"):  # soundcloud:users:4711, spotify:artist:...
        external = external.split(":")[-1]
    if not external or len(external) > 200:
        return None
    prefix, digits = ACCOUNT_IDS[platform]
    rest = external[len(prefix):]
    if external.startswith(prefix) and len(rest) >= digits and rest.isdigit() and 0 < int(rest) < TOO_LARGE:
        return int(rest)
    if external.isdigit() and 0 < int(external) < TOO_LARGE:
        return int(external)
    digest = int.from_bytes(
        blake2b(f"{platform}:{external}".encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
    number = TOO_LARGE // 2 + digest % (TOO_LARGE // 2)
    remembered[platform, number] = external
    return number


def base_text(value, alphabet, length):
    out = []
    for _ in range(length):
        value, rest = divmod(value, len(alphabet))
        out.append(alphabet[rest])
    return "".join(reversed(out))


def base_value(text, alphabet):
    value = 0
    for letter in text:
        place = alphabet.find(letter)
        if place < 0:
            return None
        value = value * len(alphabet) + place
    return value


def packed(number, index, alphabet, length):
    """A short id of letters, as YouTube (11 of 64) and Spotify (22 of 62) have: a scrambled number and
    index."""
    value = (number << 20 | index) << 10 | (number * 31 + index * 17) % 1024
    room = len(alphabet)**length
    return base_text(value * 0x9E3779B97F4A7C15 % room if length == 22 else value ^ 0x15A5C3F0E1D2B4968,
                     alphabet, length)


def unpacked(text, alphabet, length):
    """(number, index) of a packed id, or None where it is not one."""
    value = base_value(text, alphabet) if len(text) == length else None
    if value is None:
        return None
    if length == 22:
        value = value * pow(0x9E3779B97F4A7C15, -1, len(alphabet)**length) % len(alphabet)**length
    else:
        value ^= 0x15A5C3F0E1D2B4968
    rest, check = divmod(value, 1024)
    number, index = rest >> 20, rest & 0xFFFFF
    if not 0 < number < TOO_LARGE or check != (number * 31 + index * 17) % 1024:
        return None
    return number, index


def digits_id(prefix, number, index, index_digits=5):
    """A long id of digits: prefix, ten digits of the number, and the index."""
    return f"{prefix}{number:010d}{index:0{index_digits}d}"


def digits_parts(text, prefix, index_digits=5):
    """(number, index) of an id made by digits_id, or None."""
    if not text.isdigit() or not text.startswith(prefix) or len(text) != len(prefix) + 10 + index_digits:
        return None
    return int(text[len(prefix):-index_digits]), int(text[-index_digits:])
