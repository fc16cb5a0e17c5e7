"""What readers see of what was written, for both degrees of trust."""

import subprocess
import sys
import time

import pytest

from campus.markdown import Links, Trust, render, structure_of

LINKS = Links(key="test", lesson={"src/a.md": "/lessons/1"}.get, asset={"img/x.png": "/files/x.png"}.get)


def html_of(text: str, trust: Trust = Trust.TEACHER, language: str = "en") -> str:
    return str(render(text, trust=trust, links=LINKS, language=language).html)


@pytest.mark.parametrize("trust", Trust)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("*a* **b** `c`", "<p><em>a</em> <strong>b</strong> <code>c</code></p>"),
        ("~~gone~~", "<s>gone</s>"),
        ("| a | b |\n|---|--:|\n| 1 | 2 |", '<th class="align-end">b</th>'),
        ("- [x] read", '<span class="task" role="img" aria-label="done">☑</span> read'),
        ("see https://example.org/a.", '<a href="https://example.org/a" rel="nofollow ugc noopener">'),
        ("[here](/courses/1)", '<a href="/courses/1">here</a>'),
        ("word[^1]\n\n[^1]: note", '<li id="s-fn1" class="footnote-item">'),
        ("> [!WARNING]\n> hot", '<p class="callout-title">Warning</p>'),
        ("![a *cat*](/cat.png)", '<img src="/cat.png" alt="a cat" loading="lazy" decoding="async">'),
        ("::: spoiler\nit was the butler\n:::", '<details class="callout">\n<summary>Show</summary>'),
    ],
)
def test_what_both_may_write(trust: Trust, text: str, expected: str) -> None:
    assert expected in html_of(text, trust)


def test_code_is_highlighted_by_classes_and_reachable_by_keyboard() -> None:
    html = html_of("```python\nreturn 1\n```", Trust.MEMBER)
    assert '<div class="highlight" data-language="python"><pre tabindex="0"><code>' in html
    assert '<span class="k">return</span>' in html
    assert "style=" not in html


def test_code_in_a_language_that_we_do_not_know_is_shown_plain() -> None:
    assert "<code>a &lt;b&gt;\n</code>" in html_of("```klingon\na <b>\n```")


def test_very_long_code_is_shown_plain() -> None:  # a worker must not wait for colours
    assert "<span" not in html_of("```python\n" + "x = 1\n" * 20_000 + "```")


@pytest.mark.parametrize(
    ("flag", "remark"),
    [("does_not_compile", "This code does not compile."), ("panics", "This code panics."), ("noplayground", None)],
)
def test_the_flags_of_an_mdbook_fence(flag: str, remark: str | None) -> None:
    html = html_of(f"```rust,ignore,{flag}\nlet x = 1;\n```")
    assert '<span class="kd">let</span>' in html
    assert html.count("code-remark") == (0 if remark is None else 1)
    assert remark is None or remark in html


def test_headings_start_below_the_pages_own_and_skip_no_level() -> None:
    rendered = render("# A\n\n#### B\n\n## C\n\n# D\n", trust=Trust.TEACHER)
    assert [(heading.level, heading.text) for heading in rendered.headings] == [(2, "A"), (3, "B"), (3, "C"), (2, "D")]
    assert "<h4" not in rendered.html


def test_anchors_keep_their_script_and_are_told_apart() -> None:
    assert [
        heading.anchor for heading in structure_of("# Что такое `Box<T>`?\n# Intro\n# Intro\n# X {#own}\n").headings
    ] == [
        "что-такое-boxt",
        "intro",
        "intro-1",
        "own",
    ]


def test_anchors_of_two_texts_on_one_page_do_not_meet() -> None:
    first = render("# A\n[up](#a)", anchor_prefix="m1-").html
    assert 'id="m1-a"' in first
    assert 'href="#m1-a"' in first
    assert 'id="m2-a"' in render("# A\n[up](#a)", anchor_prefix="m2-").html


def test_a_blocks_heading_becomes_its_title() -> None:
    html = html_of("::: challenge\n## Add two\nHow?\n\n::::::::: solution\n```python\n:::\n```\nSo.\n:::\n:::\nafter")
    assert '<div class="callout challenge">\n<p class="callout-title" id="s-add-two">Add two</p>' in html
    assert '<details class="callout solution">\n<summary>Solution</summary>' in html
    assert html.rstrip().endswith("</details>\n</div>\n<p>after</p>")


def test_an_unclosed_block_ends_with_the_text() -> None:
    assert html_of("::: callout\nopen").count("</div>") == 1


def test_a_block_of_an_unknown_kind_keeps_its_words() -> None:
    assert "<p>words</p>" in html_of("::: hologram\nwords\n:::")


def test_added_words_are_in_the_language_of_the_text() -> None:
    assert "<summary>Решение</summary>" in html_of("::: solution\nда\n:::", language="ru-RU")


def test_links_to_lessons_and_files() -> None:
    html = html_of("[a](lesson:src/a.md#b) [c](lesson:src/a.md?missing=%D0%B1) ![x](asset:img/x.png)")
    assert '<a href="/lessons/1#s-b">a</a>' in html
    assert '<a href="/lessons/1" class="gap-section" title="The section “б” is missing' in html
    assert '<img src="/files/x.png" alt="x" loading="lazy" decoding="async">' in html


def test_what_is_missing_is_marked() -> None:
    html = html_of("[a](lesson:src/z.md) [b](gap:w.md) ![y](asset:y.png)\n\n::: gap\nMissing: `y`\n:::")
    assert '<a class="gap-link" title="Missing in the source: src/z.md">a</a>' in html
    assert '<a class="gap-link" title="Missing in the source: w.md">b</a>' in html
    assert '<span class="gap-picture">Missing picture: y.png</span>' in html
    assert '<div class="gap">\n<p>Missing: <code>y</code></p>' in html


def test_a_members_text_cannot_use_the_schemes_of_lessons() -> None:
    assert "lesson:" not in html_of("[a](lesson:src/a.md)", Trust.MEMBER).replace("lesson:src/a.md</a>", "")


def test_a_members_foreign_picture_is_a_link() -> None:
    html = html_of("![cat](https://spy.example/cat.png) [![dog](//spy.example/d.png)](/dogs)", Trust.MEMBER)
    assert "<img" not in html
    assert '<a href="https://spy.example/cat.png" rel="nofollow ugc noopener">cat</a>' in html
    assert '<a href="/dogs">dog</a>' in html


def test_a_teachers_foreign_picture_tells_no_one_where_it_is_read() -> None:
    assert 'referrerpolicy="no-referrer"' in html_of("![cat](https://example.org/cat.png)")


def test_a_teachers_html_keeps_the_structural_subset() -> None:
    text = (
        '<figure><img src="asset:img/x.png" width="3"><figcaption>H<sub>2</sub>O <kbd>Ctrl</kbd></figcaption></figure>'
    )
    html = html_of(text)
    assert '<img src="/files/x.png" width="3" alt="" loading="lazy" decoding="async">' in html
    assert "<figcaption>H<sub>2</sub>O <kbd>Ctrl</kbd></figcaption></figure>" in html
    assert (
        html_of('<span class="filename spy">src/main.rs</span>') == '<p><span class="filename">src/main.rs</span></p>\n'
    )


def test_words_and_summary() -> None:
    rendered = render("# Head\n\n::: callout\naside\n:::\n\n" + "Слово за словом. " * 20 + "\n\n```\ncode\n```")
    assert rendered.plain_text.startswith("Head\naside\nСлово за словом.")
    assert rendered.plain_text.endswith("code\n")
    assert rendered.summary.startswith("Слово за словом.")
    assert rendered.summary.endswith("…")
    assert len(rendered.summary) <= 181


def test_the_same_text_is_rendered_once() -> None:
    assert render("**same**") is render("**same**")
    assert render("**same**") is not render("**same**", trust=Trust.TEACHER)


def test_a_changed_answer_of_links_is_another_rendering() -> None:
    def rendered(key: str, path: str) -> str:
        return str(
            render("[a](lesson:a)", trust=Trust.TEACHER, links=Links(key, {"a": path}.get, {"a": path}.get)).html
        )

    assert 'href="/1"' in rendered("version 1", "/1")
    assert 'href="/2"' in rendered("version 2", "/2")


def test_importing_the_package_imports_no_library() -> None:  # the site starts in under a second
    code = (
        "import sys, campus.markdown as m; heavy = {'pygments', 'markdown_it', 'nh3'};"
        "assert not heavy & set(sys.modules); m.render('a'); assert heavy <= set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 20_000,
        "![[](" * 5_000,
        "*a_" * 10_000,
        "> " * 5_000 + "a",
        "- " * 5_000 + "a",
        "`" * 20_000 + "a",
        "::: spoiler\n" * 3_000,
        "# a\n" * 5_000,
        "[^a]" * 5_000 + "\n\n[^a]: b",
        "<a href='" * 5_000,
        "|a" * 5_000 + "\n" + "|-" * 5_000,
        "&#" * 20_000,
        "https://a.b/" * 3_000,
        "```python\n" + "(" * 50_000 + "\n```",
        '```python\n"""' + "\\" * 50_000 + "\n```",
    ],
    ids=lambda text: text[:12],
)
def test_no_text_takes_long(text: str) -> None:  # the longest message is far shorter than these
    begin = time.process_time()
    render(text)
    assert time.process_time() - begin < 4


@pytest.mark.parametrize("text", ["", "\0", "\ud800", "\u202e", "\r\n\r\n", "a\r::: spoiler\rb", "[^1]", "::: ", ":::"])
def test_odd_texts_are_rendered(text: str) -> None:
    assert isinstance(str(render(text).html), str)
