"""The memory of renderings is bounded in octets, whatever is rendered."""

from markupsafe import Markup

from campus.markdown.cache import RenderingCache
from campus.markdown.model import RenderedMarkdown


def rendering(characters: int) -> RenderedMarkdown:
    return RenderedMarkdown(html=Markup("x" * characters), headings=(), plain_text="", summary="")


def test_the_least_recently_used_goes_first() -> None:
    cache = RenderingCache(limit_octets=5_000)
    for name in (b"a", b"b", b"c", b"d"):
        cache.put(name, rendering(500))
    assert cache.get(b"a") is not None
    cache.put(b"e", rendering(500))
    assert cache.get(b"b") is None
    assert cache.get(b"a") is not None
    assert cache.octets <= 5_000


def test_one_huge_rendering_does_not_push_out_the_rest() -> None:
    cache = RenderingCache(limit_octets=5_000)
    cache.put(b"small", rendering(100))
    cache.put(b"huge", rendering(100_000))
    assert cache.get(b"small") is not None
    assert cache.get(b"huge") is None


def test_keeping_twice_counts_once() -> None:
    cache = RenderingCache(limit_octets=50_000)
    cache.put(b"a", rendering(100))
    octets = cache.octets
    cache.put(b"a", rendering(100))
    assert cache.octets == octets
