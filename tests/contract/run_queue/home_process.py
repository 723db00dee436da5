"""A process beside the test, on a queued home: `submit COUNT` prints receipts, `work MOMENT` is killed there.

Its other arguments are the home, the folder of sources, where the database is, and the file of the request.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

from tests.campaigns.interrupted_home import Target, ignore_moment
from tests.campaigns.queued_home import QueuedHome


def main(task: str, what: str, home: str, sources: str, location: str, form: str) -> None:
    """Deliver the request so often, or carry out what is queued up to the moment."""
    queued = QueuedHome(Path(home), Target("sandbox", "aws", "rest-api"), Path(sources), location)

    def kill(moment: str) -> None:
        if moment == what:
            os.kill(os.getpid(), signal.SIGKILL)

    if task == "submit":
        request = json.loads(Path(form).read_text())
        print(json.dumps([queued.submit(request, ignore_moment) for _ in range(int(what))]))
    else:
        queued.work("v1", kill)
    queued.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
