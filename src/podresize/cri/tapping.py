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

from podresize.cri.call import Tell
from podresize.cri.call_file import CallFile
from podresize.cri.faults.catalogue import make
from podresize.cri.faulty_tap import FaultyTap
from podresize.cri.tap import Tap
from podresize.errors import PodresizeError


async def serve(tap: Tap | FaultyTap) -> None:
    """Have the tap listen until this process is asked to end, or it can do so no more."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.set)
    await tap.start()
    serving = asyncio.ensure_future(tap.serve())
    ends = asyncio.ensure_future(asked.wait())
    try:
        await asyncio.wait((serving, ends), return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            serving.result()
    finally:
        serving.cancel()
        ends.cancel()
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
        asyncio.run(serve(_made(arguments, calls.tell)))
    except PodresizeError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    finally:
        calls.close()
    return 0


def _made(arguments: argparse.Namespace, tell: Tell) -> Tap | FaultyTap:
    if not arguments.fault:
        return Tap(listen=arguments.listen, runtime=arguments.runtime, tell=tell)
    return FaultyTap(
        listen=arguments.listen,
        runtime=arguments.runtime,
        tell=tell,
        faults=[make(each) for each in arguments.fault],
        control=arguments.control,
    )


if __name__ == "__main__":
    sys.exit(main())
