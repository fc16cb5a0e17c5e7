"""Take the README's picture: two people in two browsers, and what one writes stands in the other's window.

    .venv-test/3.13/bin/python scripts/take_pictures.py      needs the tests' packages and Chromium

One job: docs/pictures/two-browsers.png from the running site. Must not know: tests.
"""

import base64
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
ADDRESS = "127.0.0.1:8797"
WINDOW = {"width": 760, "height": 820}
THREAD = "/threads/4"


def main() -> None:
    """Start the site on a fresh folder, play the scene, write the picture."""
    with tempfile.TemporaryDirectory() as folder:
        site = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "campus",
                "up",
                "--sample",
                "--no-access-log",
                "--bind",
                ADDRESS,
                "--data-directory",
                folder,
            ],
            stderr=subprocess.PIPE,
            text=True,
        )
        assert site.stderr is not None
        while "Campus is at" not in site.stderr.readline():
            assert site.poll() is None, "the site did not start"
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
                picture = play(browser)
        finally:
            site.terminate()
            site.communicate()
    target = ROOT / "docs" / "pictures" / "two-browsers.png"
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(picture)
    print(target)


def play(browser: Browser) -> bytes:
    """Return the picture of both windows after Anna has written and while Ivan only reads."""
    anna = enter(browser, "Anna", "Berg", "anna", dark=False)
    ivan = enter(browser, "Иван", "Петров", "иван", dark=True)
    anna.fill("#composer textarea", "It works here too: the message stood in **both windows** at once.")
    anna.locator("#composer button.primary").click()
    newest = ivan.locator(".message", has_text="both windows")
    newest.wait_for()
    for page in (anna, ivan):
        page.locator(".message", has_text="both windows").scroll_into_view_if_needed()
        page.mouse.wheel(0, 400)
        page.wait_for_timeout(300)
    shots = [base64.b64encode(page.screenshot()).decode() for page in (anna, ivan)]
    sheet = browser.new_page(viewport={"width": 2 * WINDOW["width"] + 96, "height": WINDOW["height"] + 64})
    images = "".join(f'<img src="data:image/png;base64,{shot}">' for shot in shots)
    sheet.set_content(
        "<style>body{margin:0;background:#d9d4c7;display:flex;gap:32px;padding:32px}"
        "img{border-radius:12px;box-shadow:0 8px 40px rgb(0 0 0/35%)}</style>" + images
    )
    return sheet.screenshot()


def enter(browser: Browser, first: str, last: str, name: str, *, dark: bool) -> Page:
    """Return a window of somebody who has just registered and opened the thread."""
    scheme = "dark" if dark else "light"
    page = browser.new_context(viewport=WINDOW, color_scheme=scheme, locale="ru" if dark else "en-GB").new_page()
    page.goto(f"http://{ADDRESS}/register")
    for field, text in (
        ("first_name", first),
        ("last_name", last),
        ("account_name", name),
        ("password", "a b c d e f g"),
    ):
        page.fill(f"[name={field}]", text)
    page.locator("main form button[type=submit]").click()
    page.locator("#layout-account-menu", has_text=last).wait_for()
    page.goto(f"http://{ADDRESS}{THREAD}")
    page.locator("html.live-connected").wait_for()
    return page


if __name__ == "__main__":
    main()
