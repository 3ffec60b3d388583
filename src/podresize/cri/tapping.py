"""The tap as a process: ``python -m podresize.cri.tapping --listen S --runtime E --calls F``.

``--fault NAME`` may be given many times (``faults.catalogue``). It ends with SIGTERM. Decoding and
writing are a thread's, so that no call waits for the disk.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from podresize.cri.call_file import CallFile
from podresize.cri.faults.catalogue import make
from podresize.cri.tap import Tap
from podresize.errors import PodresizeError


async def serve(tap: Tap) -> None:
    """Have the tap listen until this process is asked to end."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.set)
    await tap.start()
    await asked.wait()
    await tap.stop()


def main() -> int:
    """Run the tap that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--listen", type=Path, required=True)
    parser.add_argument("--runtime", required=True)
    parser.add_argument("--calls", type=Path, required=True)
    parser.add_argument("--fault", action="append", default=[])
    parser.add_argument("--control", help="where the node's components are commanded")
    arguments = parser.parse_args()
    calls = CallFile(arguments.calls)
    try:
        tap = Tap(
            listen=arguments.listen,
            runtime=arguments.runtime,
            tell=calls.tell,
            faults=[make(each) for each in arguments.fault],
            control=arguments.control,
        )
        asyncio.run(serve(tap))
    except PodresizeError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    finally:
        calls.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
