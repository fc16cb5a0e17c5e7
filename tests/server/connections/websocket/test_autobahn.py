"""RFC 6455 and RFC 7692 by the Autobahn test suite: its fuzzing client, every case, against a real server."""

import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fixtures.servers import ServerProcess

HERE = Path(__file__).parent
WSTEST = HERE.parents[3] / ".tools" / "autobahn" / "wstest"
CASES = 517  # of the version that scripts/tools/autobahn.txt pins
# Which cases run one after another; the parts run side by side, and are small so that nobody waits long for the last.
# 12 and 13 compress 216,000 messages.
PARTS = [
    *([f"12.{number}.*"] for number in range(1, 6)),
    *([f"13.{number}.*"] for number in range(1, 8)),
    ["9.*"],
    [f"{number}.*" for number in range(1, 12) if number != 9],
]
# None is left out. INFORMATIONAL are the three whose right answer the standard leaves open (7.1.6, 7.13.1, 7.13.2).
ALLOWED = {"OK", "INFORMATIONAL"}
INFORMATIONAL = 3


def run_cases(cases: list[str], port: int, folder: Path) -> dict[str, dict[str, str]]:
    """Return what the suite says of each of these cases."""
    folder.mkdir()
    specification = {
        "outdir": str(folder / "reports"),
        "servers": [{"agent": "veche", "url": f"ws://127.0.0.1:{port}"}],
        "cases": cases,
        "exclude-cases": [],
        "exclude-agent-cases": {},
    }
    (folder / "specification.json").write_text(json.dumps(specification))
    command: list[str | Path] = [WSTEST, "-m", "fuzzingclient", "-s", folder / "specification.json"]
    with (folder / "log").open("wb") as log:
        subprocess.run(command, check=True, stdout=log, stderr=log, cwd=folder)
    verdicts: dict[str, dict[str, str]] = json.loads((folder / "reports" / "index.json").read_text())["veche"]
    return verdicts


@pytest.mark.long
@pytest.mark.process
@pytest.mark.timeout(1800)
def test_every_case_of_the_autobahn_test_suite_passes(tmp_path: Path) -> None:
    if not WSTEST.exists():
        assert os.environ.get("CI") != "true", "the Autobahn test suite is missing: scripts/tools/autobahn.sh says why"
        pytest.skip("the Autobahn test suite is missing; scripts/tools/autobahn.sh installs it")
    side_by_side = max(1, min(len(PARTS), os.cpu_count() or 1))
    with (
        ServerProcess("autobahn_application:echo", "--no-access-log", workers=2, app_dir=HERE) as server,
        ThreadPoolExecutor(side_by_side) as pool,
    ):
        runs = [
            pool.submit(run_cases, cases, server.port, tmp_path / str(number)) for number, cases in enumerate(PARTS)
        ]
        verdicts = {case: verdict for run in runs for case, verdict in run.result().items()}
    wrong = {
        case: (verdict["behavior"], verdict["behaviorClose"])
        for case, verdict in verdicts.items()
        if not {verdict["behavior"], verdict["behaviorClose"]} <= ALLOWED
    }
    assert wrong == {}
    assert len(verdicts) == CASES
    assert sum(verdict["behavior"] == "INFORMATIONAL" for verdict in verdicts.values()) == INFORMATIONAL
