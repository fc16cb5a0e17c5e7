"""What a browser calls itself, shortened to what its owner recognises: "Firefox · Linux".

One job: a User-Agent field → two words. Must not know: sessions. It decides nothing; it is only shown.
"""

from typing import Final

# In this order: Edge and Opera also say Chrome, Chrome also says Safari; Android also says Linux, iPhones say Mac OS X.
BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("YaBrowser", "Yandex"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
    ("curl/", "curl"),
)
SYSTEMS: Final = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)
UNKNOWN_SHOWN: Final = 60


def describe_browser(user_agent: str) -> str:
    """Return "Firefox · Linux"; the beginning of the field itself when nothing in it is known; "" for an empty one."""
    browser = next((name for mark, name in BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in SYSTEMS if mark in user_agent), "")
    return " · ".join(word for word in (browser, system) if word) or user_agent[:UNKNOWN_SHOWN]
