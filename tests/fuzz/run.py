"""Fuzz one target with libFuzzer (atheris), guided by the coverage of `veche.wire`.

    python tests/fuzz/run.py TARGET [--seconds 60] [--only FILE] [--found FOLDER]

Exit code 0 when nothing was found; else the input stands in a file under FOLDER, and its traceback was printed.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import atheris

TESTS = Path(__file__).resolve().parents[1]
LONGEST_INPUT_OCTETS = 2048
SLOWEST_INPUT_SECONDS = 10
MEMORY_MEBIBYTES = 1024


def main() -> None:
    sys.path.insert(0, str(TESTS))
    with atheris.instrument_imports(include=["veche.wire"]):
        from fuzz.targets import TARGETS
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("target", choices=sorted(TARGETS))
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--only", type=Path, help="run the check on this one input")
    parser.add_argument("--found", type=Path, default=Path())
    options = parser.parse_args()
    target = TARGETS[options.target]
    if options.only is not None:
        target.check(options.only.read_bytes())
        return
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(target.seeds):
            Path(corpus, f"seed-{number}").write_bytes(seed)
        atheris.Setup(
            [
                sys.argv[0],
                f"-max_total_time={options.seconds}",
                f"-max_len={LONGEST_INPUT_OCTETS}",
                f"-timeout={SLOWEST_INPUT_SECONDS}",
                f"-rss_limit_mb={MEMORY_MEBIBYTES}",
                f"-artifact_prefix={options.found}/",
                "-print_final_stats=1",
                corpus,
            ],
            target.check,
        )
        atheris.Fuzz()


if __name__ == "__main__":
    main()
