"""What a title is made of, for types that programs send: forms trim their texts, JSON does not.

One job: the pattern. Must not know: what is titled.
"""

from typing import Final

# Not only of white space. The other characters are those of every text in our API: a pattern of one's own replaces the
# one that says so in its document.
CONTROLS: Final = r"\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f"
WORDS: Final = rf"^[^{CONTROLS}]*[^\s{CONTROLS}][^{CONTROLS}]*$"
