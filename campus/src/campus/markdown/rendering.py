"""render(): somebody's Markdown to HTML that is safe to show.

One job: the order of the steps (parse, arrange headings, render, sanitise, resolve links) and the memory of results.
The memory is one per process although we avoid such things: render() is a pure function, a result depends on nothing
but its arguments, and each caller would otherwise have to be handed the same object.
The libraries are imported at the first rendering: they would cost the start-up a fifth of a second.
Must not know: who asks, what a lesson or a message is.
"""

from hashlib import blake2b
from typing import Final

from markupsafe import Markup

from campus.markdown.cache import RenderingCache
from campus.markdown.labels import labels_for
from campus.markdown.model import NO_LINKS, Heading, Links, RenderedMarkdown, Trust

CACHE: Final = RenderingCache(limit_octets=24 * 1024 * 1024)


def render(
    text: str,
    *,
    trust: Trust = Trust.MEMBER,
    links: Links = NO_LINKS,
    anchor_prefix: str = "s-",
    language: str = "en",
) -> RenderedMarkdown:
    """Return the sanitised HTML, the headings, all words, and a summary.

    trust: a member's HTML is shown as text, a teacher's is reduced to a safe subset.
    links: where `lesson:` and `asset:` links lead; only a teacher's text may use them.
    anchor_prefix: stands before every id; texts that share a page need different ones, such as "m12-".
    language: of the text; the words that the renderer adds ("Exercise") are in it.
    Never raises for any text.
    """
    digest = blake2b(digest_size=20)
    for part in (trust.value, links.key, anchor_prefix, language, text):
        octets = part.encode("utf-8", "surrogatepass")
        digest.update(b"%d:" % len(octets) + octets)
    key = digest.digest()
    rendered = CACHE.get(key)
    if rendered is None:
        rendered = render_afresh(text, trust=trust, links=links, anchor_prefix=anchor_prefix, language=language)
        CACHE.put(key, rendered)
    return rendered


def render_afresh(text: str, *, trust: Trust, links: Links, anchor_prefix: str, language: str) -> RenderedMarkdown:
    """render() without the memory."""
    from campus.markdown.links import resolved
    from campus.markdown.parsing import arrange_headings, parse, parser_for, plain_text_of, summary_of
    from campus.markdown.sanitising import sanitised

    labels = labels_for(language)
    # A lone surrogate cannot be encoded for the sanitiser or for the answer.
    clean_text = text.encode("utf-8", "replace").decode("utf-8")
    tokens, environment = parse(clean_text, trust, labels)
    headings = tuple(
        Heading(level=heading.level, text=heading.text, anchor=anchor_prefix + heading.anchor)
        for heading in arrange_headings(tokens)
    )
    parser = parser_for(trust)
    html = sanitised(parser.renderer.render(tokens, parser.options, environment), trust)
    return RenderedMarkdown(
        html=Markup(resolved(html, links, anchor_prefix, labels)),  # noqa: S704  sanitised above
        headings=headings,
        plain_text=plain_text_of(tokens),
        summary=summary_of(tokens),
    )
