"""Addresses are found where CommonMark has them, and nowhere else (https://spec.commonmark.org/0.31.2/#links)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campus.importing.references import Found, Use, rewrite


def found_in(text: str) -> list[tuple[str, Use, int]]:
    found: list[tuple[str, Use, int]] = []

    def keep(one: Found) -> str:
        found.append((one.address, one.use, one.line_offset))
        return one.address

    assert rewrite(text, keep) == text
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[a](b.md)", [("b.md", Use.LINK, 0)]),
        ("![a](b.png)", [("b.png", Use.PICTURE, 0)]),
        ("\\![a](b.md)", [("b.md", Use.LINK, 0)]),
        ("x\n[a\nb](\n c.md\n'title' )", [("c.md", Use.LINK, 3)]),
        ("[a](<b c.md>)", [("b c.md", Use.LINK, 0)]),
        ("[a](b(c).md)", [("b(c).md", Use.LINK, 0)]),
        ("[![p](a.png)](b.md)", [("a.png", Use.PICTURE, 0), ("b.md", Use.LINK, 0)]),
        ("[a [b] c](d.md)", [("d.md", Use.LINK, 0)]),
        ("[`]`](a.md)", [("a.md", Use.LINK, 0)]),
        ("[a]: b.md 'title'\n[c]: <d e.md>", [("b.md", Use.LINK, 0), ("d e.md", Use.LINK, 1)]),
        ("> [a]: b.md", [("b.md", Use.LINK, 0)]),
        ('<a class="x" href="b.md">', [("b.md", Use.LINK, 0)]),
        ("<img alt='[a](b)'\n src=c.png>", [("c.png", Use.PICTURE, 1)]),
        ("<iframe src='c.html'></iframe>", [("c.html", Use.EMBEDDED, 0)]),
        ("`[a](b.md)`", []),
        ("``[a]` (b.md)``", []),
        ("\\[a](b.md)", []),
        ("[a\\](b.md)", []),
        ("a](b.md)", []),
        ("[a] (b.md)", []),
        ("[a](b c.md)", []),
        ("[^1]: b.md", []),
        ("<!-- [a](b.md) <img src=c.png> -->", []),
        ("<https://example.org/[a](b)>", []),
        ("a < b [c](d.md)", [("d.md", Use.LINK, 0)]),
        ("a ` b [c](d.md)", [("d.md", Use.LINK, 0)]),
    ],
)
def test_where_addresses_stand(text: str, expected: list[tuple[str, Use, int]]) -> None:
    assert found_in(text) == expected


def test_only_the_address_changes() -> None:
    text = '*see* [a](b.md \'c\') `[d](e.md)` <img alt="x" src="f.png"> and\n[g]: h.md'
    assert rewrite(text, lambda found: found.address.upper()) == text.replace("b.md", "B.MD").replace(
        "f.png", "F.PNG"
    ).replace("h.md", "H.MD")


def test_a_pictures_attributes_give_its_description() -> None:
    assert rewrite("![](a.png){alt='x\\_y [z]' width=3}.", lambda found: found.address) == "![x\\_y \\[z\\]](a.png)."


@pytest.mark.parametrize(
    ("alt", "plain"),
    [
        ("the&lt;br&gt;stack", "the stack"),
        ("the<br/>stack, a &lt;b&gt;box&lt;/b&gt;", "the stack, a box"),
        ("a Vec&lt;T&gt; &amp; a &lt;browser&gt;", "a Vec&lt;T&gt; &amp; a &lt;browser&gt;"),
        ("a &lt;br&gt; Vec&lt;T&gt;", "a Vec&lt;T&gt;"),
    ],
)
@pytest.mark.parametrize("tag", ['<img alt="{}" src="a.png">', '<img src="a.png" alt="{}">', '<img alt="{}">'])
def test_a_pictures_description_has_no_tags(alt: str, plain: str, tag: str) -> None:
    expected = tag.replace("a.png", "A.PNG").format(plain)
    assert rewrite(tag.format(alt), lambda found: found.address.upper()) == expected


def test_a_markdown_pictures_description_has_no_tags() -> None:
    assert rewrite("![a<br>b](a.png) [c<br>d](b.md)", lambda found: found.address) == "![a b](a.png) [c<br>d](b.md)"


@given(st.text(alphabet="[]()<>!`\\\"' \n:ab^{}=", max_size=60))
def test_a_text_whose_addresses_stay_does_not_change(text: str) -> None:
    if "{" not in text:
        assert rewrite(text, lambda found: found.address) == text
    else:
        rewrite(text, lambda found: found.address)
