"""Where the site is reached, for the commands that print links to it.

One job: `campus up` leaves the address in the data folder, the other commands find it there.
Must not know: servers, what is linked.
"""

from pathlib import Path
from typing import Final

from campus.settings import CampusSettings

ADDRESS_FILE: Final = "address"
"""In the data folder; stays after the site has stopped, because it will most likely start there again."""
USUAL_ADDRESS: Final = "http://127.0.0.1:8000"


def keep_address(settings: CampusSettings, address: str) -> None:
    """Leave the address for the other commands; one that no browser can open, such as a socket's, is not kept."""
    file = Path(settings.data_directory) / ADDRESS_FILE
    if address.startswith(("http://", "https://")):
        file.write_text(f"{address}\n", encoding="utf-8")
    else:
        file.unlink(missing_ok=True)


def find_address(settings: CampusSettings, given: str) -> str:
    """Return the public URL, else the given address, else the one where the site served last, else the usual one."""
    if settings.public_url or given:
        return settings.public_url or given
    try:
        kept = (Path(settings.data_directory) / ADDRESS_FILE).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        kept = ""
    return kept or USUAL_ADDRESS
