"""What must hold for any octets holds for these: hypothesis in every run, libFuzzer for a minute in the long ones."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzz.targets import TARGETS

RUN = Path(__file__).with_name("run.py")
SECONDS = 60


def mutations(seeds: list[bytes]) -> st.SearchStrategy[bytes]:
    """Pieces of the seeds, and noise, put together in any order."""
    piece = st.builds(
        lambda seed, a, b: seed[min(a, b) : max(a, b)],
        st.sampled_from(seeds),
        st.integers(0, max(map(len, seeds))),
        st.integers(0, max(map(len, seeds))),
    )
    return st.lists(st.one_of(st.sampled_from(seeds), piece, st.binary(max_size=3)), max_size=5).map(b"".join)


@pytest.mark.parametrize("name", TARGETS)
def test_it_holds_for_seeds_and_what_hypothesis_makes_of_them(name: str) -> None:
    target = TARGETS[name]
    for seed in target.seeds:
        target.check(seed)

    @given(octets=mutations(list(target.seeds)))
    @settings(max_examples=150)
    def check(octets: bytes) -> None:
        target.check(octets)

    check()


@pytest.mark.long
@pytest.mark.timeout(SECONDS * 3)
@pytest.mark.parametrize("name", TARGETS)
def test_it_holds_for_what_a_fuzzer_finds_in_a_minute(name: str, tmp_path: Path) -> None:
    if importlib.util.find_spec("atheris") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("atheris is missing; with CI=true nothing may be left out")
        pytest.skip("atheris is missing: it has no build for this machine")
    command = [sys.executable, str(RUN), name, "--seconds", str(SECONDS), "--found", str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    found = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert run.returncode == 0, f"{found}\n{run.stdout[-4000:]}\n{run.stderr[-4000:]}"
    assert "stat::number_of_executed_units" in run.stderr  # it has really run
