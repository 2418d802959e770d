"""The simulated fleet as a process: `python -m tests.simulators --speed 60`.

Prints one line of JSON, the config entries of its printers, and runs until its input ends or it
is told to stop: so it cannot outlive whoever started it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys

from .fleet import Fleet


async def _run(speed: float) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    if sys.stdin.isatty():
        print("Ctrl-C ends the printers", file=sys.stderr)
    else:
        loop.add_reader(
            sys.stdin, lambda: None if os.read(sys.stdin.fileno(), 4096) else ended.set()
        )
    async with Fleet(speed=speed) as fleet:
        print(json.dumps(fleet.entries), flush=True)
        await ended.wait()


if __name__ == "__main__":
    _parser = argparse.ArgumentParser(description=__doc__)
    _parser.add_argument("--speed", type=float, default=1.0)
    asyncio.run(_run(_parser.parse_args().speed))
