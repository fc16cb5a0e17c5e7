"""Nobody's text runs anything, shadows anything, or hides where it leads (OWASP, "XSS Filter Evasion").

The oracle is an HTML parser of the standard library, not our regular expressions: it lists every element and
attribute of the result, and each must be on the list written here by hand.
"""

import string
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campus.markdown import Links, Trust, render

ATTACKS = [
    "<script>alert(1)</script>",
    "<ScRiPt src=//evil.example/x.js></ScRiPt>",
    '"><script>alert(1)</script>',
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<math><mi//xlink:href='data:x,<script>alert(1)</script>'>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<object data=x></object><embed src=x>",
    "<form action=/logout method=post><input name=a><button>x</button></form>",
    "<style>*{display:none}</style>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<base href=//evil.example/>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<a href=javascript:alert(1)>x</a>",
    "<a href='jAvAsCrIpT&colon;alert(1)'>x</a>",
    "<a href='java\tscript:alert(1)'>x</a>",
    "<a href='&#106;avascript:alert(1)'>x</a>",
    "<a href=' javascript:alert(1)'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<a href='vbscript:x'>x</a>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](javascript&colon;alert(1))",
    "[x](&#x6A;avascript:alert(1))",
    "[x](<java\nscript:alert(1)>)",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "![x](javascript:alert(1))",
    "![x](data:image/svg+xml,<svg/onload=alert(1)>)",
    '![x" onerror="alert(1)](/a.png)',
    '![x](/a.png "t\\" onerror=\\"alert(1)")',
    '[x](/a "t\\" onclick=\\"alert(1)")',
    "<javascript:alert(1)>",
    "[x]: javascript:alert(1)\n\n[x]",
    '```"onmouseover=alert(1)//\nx\n```',
    '```python" onclick="alert(1)\nx\n```',
    "```html\n<script>alert(1)</script>\n```",
    "`<img src=x onerror=alert(1)>`",
    "# <img src=x onerror=alert(1)>",
    '## x {#" onclick="alert(1)}',
    "::: spoiler onclick=alert(1)\nx\n:::",
    "::: spoiler\n## <img src=x onerror=alert(1)>\n:::",
    '::: {.solution onclick="alert(1)"}\nx\n:::',
    "[^<script>]: x\n\n[^<script>]",
    "| <script> |\n|--|\n| <img src=x onerror=y> |",
    "<div data-live='/x' class='menu shell' style='position:fixed;inset:0'>x</div>",
    "<span class='visually-hidden' id=main aria-label=x>x</span>",
    "<details ontoggle=alert(1) open><summary>x</summary></details>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
    "<template><script>alert(1)</script></template>",
    "<p><svg><style><img src=x onerror=alert(1)></style></svg>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<a href='lesson:a\" onclick=\"x'>x</a>",
    '<a href="lesson:a" title="&quot; onclick=&quot;alert(1)">x</a>',
    '<a title="><img src=x onerror=alert(1)>" href="gap:b">x</a>',
    '<img src="asset:nope" alt="&quot;><script>alert(1)</script>">',
    '<img src="asset:<script>alert(1)</script>">',
    '<a href="lesson:a?missing=&quot;><script>x</script>">x</a>',
    "<button popovertarget=x>y</button><dialog open>z</dialog>",
    "<a href='//evil.example' target=_blank ping=//evil.example>x</a>",
]

ELEMENTS = {
    *("a", "abbr", "b", "blockquote", "br", "caption", "code", "dd", "del", "details", "dfn", "div", "dl", "dt", "em"),
    *("figcaption", "figure", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "ins", "kbd", "li", "mark", "ol", "p"),
    *("pre", "q", "s", "samp", "section", "small", "span", "strong", "sub", "summary", "sup", "table", "tbody", "td"),
    *("th", "thead", "tr", "u", "ul", "var"),
}
ATTRIBUTES = {
    *("alt", "aria-label", "class", "colspan", "data-language", "decoding", "height", "href", "id", "loading", "open"),
    *("referrerpolicy", "rel", "role", "rowspan", "src", "start", "tabindex", "title", "width"),
}
SHELL_CLASSES = {"menu", "shell", "visually-hidden", "live-banner", "button"}
LINKS = Links(key="safety", lesson=lambda _source: "/lessons/1", asset=lambda path: "/f" if path == "x" else None)


class Inspector(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ELEMENTS:
            self.faults.append(f"element {tag}")
        given_attributes = dict(attrs)
        for name, value in attrs:
            if name not in ATTRIBUTES:
                self.faults.append(f"attribute {tag} {name}")
            if name == "class" and SHELL_CLASSES & set((value or "").split()):
                self.faults.append(f"class {value}")
            if name == "id" and not (value or "").startswith("t-"):
                self.faults.append(f"id {value} without the prefix")
            if name in {"href", "src"}:
                address = (value or "").strip("".join(map(chr, range(33)))).lower()
                if not address.startswith(("http://", "https://", "mailto:", "/", "#")) and ":" in address:
                    self.faults.append(f"address {value}")
        address = given_attributes.get("href") or ""
        if tag == "a" and address.startswith(("http", "//")) and "noopener" not in (given_attributes.get("rel") or ""):
            self.faults.append(f"foreign link {address} without rel")


def faults_of(text: str, trust: Trust) -> list[str]:
    inspector = Inspector()
    inspector.feed(str(render(text, trust=trust, links=LINKS, anchor_prefix="t-").html))
    inspector.close()
    return inspector.faults


@pytest.mark.parametrize("trust", Trust)
@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_leaves_nothing_that_runs(attack: str, trust: Trust) -> None:
    assert faults_of(attack, trust) == []
    assert faults_of(f"- a\n\n  > b {attack}\n", trust) == []


def test_the_inspector_sees_what_it_must() -> None:  # or the tests above prove nothing
    inspector = Inspector()
    inspector.feed('<script></script><p onclick="x" id="main"><a href="JavaScript:x"><a href="https://a.b">')
    assert len(inspector.faults) == 5


@pytest.mark.parametrize("attack", [attack for attack in ATTACKS if attack.startswith("<")])
def test_a_members_tags_are_shown_as_text(attack: str) -> None:
    html = str(render("x " + attack, trust=Trust.MEMBER).html)
    assert "&lt;" in html


PIECES = st.sampled_from(
    [
        *("<", ">", '"', "'", "&", "`", "```", "\n", "\n\n", "[", "](", ")", "!", "# ", "::: spoiler\n", ":::\n", "> "),
        *(
            "- ",
            "| ",
            "|--",
            "[^1]",
            "[^1]: ",
            "\\",
            "javascript:",
            "lesson:",
            "asset:",
            "gap:",
            "<a href=",
            "<img src=",
        ),
        *(
            "onerror=",
            "<!--",
            "-->",
            "</p>",
            "<details>",
            "{#",
            "}",
            "https://a.b",
            " ",
            "\t",
            "x",
            "й",
            "\0",
            "&#x3c;",
        ),
        "&quot;",
    ]
)


@pytest.mark.parametrize("trust", Trust)
def test_no_mixture_of_marks_gets_through(trust: Trust) -> None:
    @settings(max_examples=300, deadline=None)
    @given(st.lists(PIECES | st.text(string.printable, max_size=3), max_size=40).map("".join))
    def check(text: str) -> None:
        assert faults_of(text, trust) == []

    check()
