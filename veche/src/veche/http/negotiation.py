"""What the client would like best: Accept and Accept-Language (RFC 9110 §12.5, RFC 4647 §3.4).

One job: choose among what there is.
Must not know: pages, catalogues, documents.
"""

import re
from collections.abc import Sequence
from typing import Final

QUALITY: Final = re.compile(r"0(?:\.\d{0,3})?|1(?:\.0{0,3})?")
LIMIT_RANGES: Final = 64  # a longer list is noise; every range costs a comparison with each thing we have


def parse_accept(value: str) -> list[tuple[str, float]]:
    """Return (range in lower case, quality) with the best first; equal ones keep their order, quality 0 stays.

    Works for Accept, Accept-Language, Accept-Encoding. Parameters other than q are dropped.
    """
    ranges: list[tuple[str, float]] = []
    for piece in value.split(",")[:LIMIT_RANGES]:
        name, *parameters = (part.strip() for part in piece.split(";"))
        if not name:
            continue
        quality = 1.0
        for parameter in parameters:
            key, _equals, weight = parameter.partition("=")
            if key.strip().lower() == "q":
                quality = float(weight) if QUALITY.fullmatch(weight.strip()) else 0.0
        ranges.append((name.lower(), quality))
    return sorted(ranges, key=lambda entry: -entry[1])


def best_media_type(accept: str, available: Sequence[str]) -> str | None:
    """Return the one of `available` that the client likes best, None when it accepts none of them.

    An absent field accepts everything: the first of `available`. A more specific range overrules a wider one.
    """
    if not accept.strip():
        return available[0]
    ranges = parse_accept(accept)
    best, best_quality = None, 0.0
    for media_type in available:
        quality = _quality_of(media_type.lower(), ranges)
        if quality > best_quality:
            best, best_quality = media_type, quality
    return best


def _quality_of(media_type: str, ranges: Sequence[tuple[str, float]]) -> float:
    by_range = dict(reversed(ranges))
    for candidate in (media_type, media_type.partition("/")[0] + "/*", "*/*"):
        if candidate in by_range:
            return by_range[candidate]
    return 0.0


def best_language(accept_language: str, available: Sequence[str]) -> str:
    """Return the one of `available` that fits best, the first where nothing fits (lookup, RFC 4647 §3.4).

    "ru-RU" finds "ru"; "en" finds "en-GB" too, since a relative is better than a stranger.
    """
    by_tag = {tag.lower(): tag for tag in available}
    for language_range, quality in parse_accept(accept_language):
        if quality == 0:
            continue
        if language_range == "*":
            return available[0]
        wanted = language_range
        while wanted:
            if wanted in by_tag:
                return by_tag[wanted]
            wanted = wanted.rpartition("-")[0]
        primary = language_range.partition("-")[0]
        for tag, original in by_tag.items():
            if tag.partition("-")[0] == primary:
                return original
    return available[0]
