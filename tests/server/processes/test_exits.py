"""sys.exit() in an application's request costs no worker; at start it is the reason why there is none."""

from pathlib import Path

import pytest

from fixtures.load import get
from fixtures.servers import ServerProcess

pytestmark = pytest.mark.process
HERE = Path(__file__).parent


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_sys_exit_in_a_request_costs_no_worker(loop: str) -> None:
    with ServerProcess("exiting:app", "--loop", loop, workers=1, app_dir=HERE) as server:
        worker = get(server.url)[1]
        for path in ("/now", "/later", "/now", "/later"):
            assert get(f"{server.url}{path}")[0] == 500
            assert get(server.url) == (200, worker)
        log = server.log_text()
        assert log.count("the application raised SystemExit: it ends this request, not the worker") == 4
        assert "exiting.py" in log
        assert "never retrieved" not in log
        assert server.stop() == 0


def test_sys_exit_at_start_is_the_reason_why_it_did_not_start() -> None:
    with ServerProcess("exiting:app", workers=1, app_dir=HERE, env={"EXIT_AT_START": "1"}, wait_ready=False) as server:
        assert server.wait() == 3
        assert "the application failed to start: SystemExit: no licence" in server.log_text()
