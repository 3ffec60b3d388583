"""What the agent does, asked through a relay: both programs are real, the guest is this host."""

from __future__ import annotations

import hashlib
import io
import os
import signal
import socket
import stat
import subprocess
import threading
import time
from pathlib import Path

import pytest
from tests.guest.conftest import SECONDS, Line, until

from podresize.errors import HarnessError
from podresize.guest.client import Agent, Entry
from podresize.guest.clock import measure


def test_a_ping_tells_the_clocks(agent: Agent) -> None:
    pong = agent.ping()

    # It is the same host: its clock must lie between the two moments.
    assert pong.sent <= pong.monotonic <= pong.received
    assert abs(pong.realtime - time.time()) < SECONDS
    assert pong.boot == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    offset = measure(agent)
    assert abs(offset.seconds) <= offset.uncertainty


def test_files_are_read_whole_and_in_parts(agent: Agent, tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_bytes(b"0123456789" * 100_000)

    assert agent.read(place) == place.read_bytes()
    assert agent.read(place, offset=999_995, limit=3) == b"567"
    assert agent.read("/proc/self/comm") == b"agent\n"
    (tmp_path / "empty").touch()
    assert agent.read(tmp_path / "empty") == b""


def test_files_are_written_with_their_mode_or_not_at_all(agent: Agent, tmp_path: Path) -> None:
    place = tmp_path / "new" / "key"
    with pytest.raises(FileNotFoundError):
        agent.write(place, b"1")

    agent.write(place, b"secret", mode=0o600, directories=True)

    assert place.read_bytes() == b"secret"
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    before = place.stat().st_ino
    agent.write(place, io.BytesIO(b"other"), mode=0o755)
    assert place.stat().st_ino != before
    assert stat.S_IMODE(place.stat().st_mode) == 0o755
    assert [each.name for each in place.parent.iterdir()] == ["key"]


@pytest.mark.parametrize("in_place", [True, False])
def test_a_writer_that_goes_away_in_the_middle_writes_nothing(
    agent: Agent, tmp_path: Path, *, in_place: bool
) -> None:
    place = tmp_path / "file"
    place.write_text("as it was")
    with agent.open() as talk:
        talk.ask("write", path=str(place), size=100, in_place=in_place, mode=0o600)
        talk.send(b"half of").end()
        with pytest.raises(HarnessError, match="7 bytes came of 100"):
            talk.one()

    assert [each.name for each in tmp_path.iterdir()] == ["file"]
    assert place.read_text() == "as it was"


def test_a_stream_is_written_whose_size_nobody_knows(agent: Agent, tmp_path: Path) -> None:
    here, there = os.pipe()
    with os.fdopen(there, "wb") as writer:
        writer.write(b"some bytes")
    with os.fdopen(here, "rb") as reader:
        agent.write(tmp_path / "file", reader)

    assert (tmp_path / "file").read_bytes() == b"some bytes"


def test_the_kernel_takes_a_seed(agent: Agent) -> None:
    agent.seed(os.urandom(32))

    with pytest.raises(HarnessError, match="1 to 64 bytes, not 65"):
        agent.seed(bytes(65))


def test_a_file_is_written_in_place(agent: Agent, tmp_path: Path) -> None:
    place = tmp_path / "memory.max"
    place.write_text("max 1 2 3")
    number = place.stat().st_ino

    agent.write_in_place(place, b"4096")

    assert place.read_text() == "4096"
    assert place.stat().st_ino == number
    with pytest.raises(FileNotFoundError):
        agent.write_in_place(tmp_path / "gone", b"1")


def test_directories_are_told(agent: Agent, tmp_path: Path) -> None:
    (tmp_path / "a" / "b" / "c").mkdir(parents=True)
    (tmp_path / "file").write_bytes(b"12")
    (tmp_path / "link").symlink_to("file")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))

    found = {each.name: each for each in agent.entries(tmp_path)}

    assert found["file"] == Entry("file", "file", 2)
    assert found["a"].kind == "directory"
    assert found["link"].kind == "link"
    assert found["socket"].kind == "socket"
    assert agent.there([tmp_path / "a", tmp_path / "z", "/"]) == [True, False, True]
    root = str(tmp_path)
    assert agent.find([root, "/gone"], depth=1) == {root: ["a"], f"{root}/a": ["b"], "/gone": []}
    with pytest.raises(NotADirectoryError):
        agent.entries(tmp_path / "file")


def test_settings_are_what_begins_and_does_not_hold(agent: Agent, tmp_path: Path) -> None:
    for name, text in (("cpu.max", "1 2\n"), ("cpu.stat", "9"), ("io.max", "8"), ("cpu.x", "")):
        (tmp_path / name).write_text(text)
    (tmp_path / "cpu.dir").mkdir()

    found = agent.settings([tmp_path, "/gone"], prefixes=("cpu.",), without=("stat",))

    assert found == {"cpu.max": "1 2", "cpu.x": ""}


def test_settings_of_several_places_are_told_in_their_order(agent: Agent, tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "cpu.max").write_text(name)
    places = [[tmp_path / "b", tmp_path / "gone"], [], [tmp_path / "a"]]

    found = agent.settings_of_each(places, prefixes=("cpu.",), without=())

    assert found == [{"cpu.max": "b"}, {}, {"cpu.max": "a"}]
    assert agent.settings_of_each([], prefixes=(), without=()) == []


def test_a_command_has_its_input_environment_and_both_outputs(agent: Agent) -> None:
    script = 'cat; echo "$WORD" >&2; pwd; exit 3'

    done = agent.execute("sh", "-c", script, stdin=b"in\n", env={"WORD": "w"}, directory="/usr")

    assert (done.code, done.stdout, done.stderr) == (3, b"in\n/usr\n", b"w\n")
    assert agent.must("echo", "a b") == b"a b\n"
    with pytest.raises(HarnessError, match="ended with 1"):
        agent.must("false")
    with pytest.raises(FileNotFoundError):
        agent.execute("/no/such/program")


def test_a_command_that_does_not_read_its_input_ends_all_the_same(agent: Agent) -> None:
    assert agent.execute("true", stdin=bytes(2_000_000)).code == 0


def test_a_command_may_take_and_give_much(agent: Agent) -> None:
    data = os.urandom(3_000_000)
    assert agent.execute("cat", stdin=io.BytesIO(data)).stdout == data


def test_a_command_that_hangs_is_ended_with_its_children(agent: Agent, tmp_path: Path) -> None:
    script = f"sleep 1000 & echo $! > {tmp_path}/pid; wait"

    with pytest.raises(TimeoutError):
        agent.execute("sh", "-c", script, seconds=0.5)

    child = (tmp_path / "pid").read_text().strip()
    until(lambda: _has_ended(child), what="the child lives")


def _has_ended(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_a_command_does_not_inherit_what_the_kernels_killer_thinks_of_the_agent(
    line: Line,
) -> None:
    if Path("/proc/self/oom_score_adj").read_text() != "0\n":
        pytest.skip("whoever started this is not as others are either")
    agent = line.agent()
    badness = Path(f"/proc/{line.processes['agent'].pid}/oom_score_adj")
    badness.write_text("300")  # anybody may raise it

    script = "cat /proc/self/oom_score_adj; (cat /proc/self/oom_score_adj)"
    assert agent.must("sh", "-c", script) == b"0\n0\n"

    assert badness.read_text() == "300\n"
    with pytest.raises(FileNotFoundError):
        agent.execute("/no/such/program")
    assert badness.read_text() == "300\n"


def test_a_daemon_that_holds_its_output_keeps_nobody_waiting(agent: Agent) -> None:
    begun = time.monotonic()
    done = agent.execute("sh", "-c", "sleep 1000 & echo $!")
    os.kill(int(done.stdout), signal.SIGKILL)

    assert done.code == 0
    assert time.monotonic() - begun < SECONDS / 2


def test_a_daemon_goes_on_to_write_where_its_output_is_a_file(agent: Agent, tmp_path: Path) -> None:
    """A pipe would be broken by then, and end it."""
    more = "sleep 0.2; echo more; echo more >&2"
    script = f"cat; echo wrong >&2; ({more}; touch {tmp_path}/lives) & exit 3"

    begun = time.monotonic()
    done = agent.execute("sh", "-c", script, stdin=b"in\n", files=True)

    assert (done.code, done.stdout, done.stderr) == (3, b"in\n", b"wrong\n")
    assert time.monotonic() - begun < SECONDS / 2
    until(lambda: (tmp_path / "lives").exists(), what="it ended when it wrote")
    data = os.urandom(300_000)
    assert agent.execute("cat", stdin=data, files=True).stdout == data
    with pytest.raises(TimeoutError):
        agent.execute("sleep", "1000", seconds=0.3, files=True)
    with pytest.raises(FileNotFoundError):
        agent.execute("/no/such/program", files=True)


def test_processes_are_named_and_signalled(agent: Agent, tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "1000"]) as process:
        (tmp_path / "below").mkdir()
        (tmp_path / "below" / "cgroup.procs").write_text(f"0\n{process.pid}\n")
        ticks = int(Path(f"/proc/{process.pid}/stat").read_text().split()[21])
        assert agent.pids(tmp_path) == [process.pid]
        assert agent.identity(tmp_path) == {"pid": process.pid, "start_ticks": ticks}
        agent.signal(process.pid, signal.SIGTERM)
        assert process.wait(SECONDS) == -signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        agent.signal(process.pid, signal.SIGTERM)
    with pytest.raises(ProcessLookupError):
        agent.signal(-1, signal.SIGKILL)
    assert agent.identity(tmp_path / "gone") == {"pid": None, "start_ticks": None}


def test_a_socket_is_dialled_and_half_closed(agent: Agent, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        server.listen()
        threading.Thread(target=_echo_all, args=(server,)).start()
        with agent.dial(unix=tmp_path / "s") as connection:
            connection.sendall(b"x" * 1_000_000)
            connection.shutdown(socket.SHUT_WR)
            with connection.makefile("rb") as stream:
                assert stream.read() == b"all: 1000000"
    with pytest.raises(FileNotFoundError):
        agent.dial(unix=tmp_path / "none")
    with pytest.raises(ConnectionRefusedError):
        agent.dial(tcp="127.0.0.1:1")


def _echo_all(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection, connection.makefile("rb") as stream:
        connection.sendall(b"all: %d" % len(stream.read()))


def test_sockets_are_forwarded_both_ways(program: Path, tmp_path: Path) -> None:
    there, here = tmp_path / "guest.sock", tmp_path / "host.sock"
    line = Line(program, tmp_path)
    line.start_agent()
    forward, backward = f"{tmp_path}/forward.sock={there}", f"{tmp_path}/backward.sock={here}"
    line.start_relay("--forward", forward, "--backward", backward)
    try:
        line.agent()
        until((tmp_path / "backward.sock").exists, what="the agent does not listen")
        for server_path, client_path in ((there, "forward.sock"), (here, "backward.sock")):
            with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
                server.bind(str(server_path))
                server.listen()
                threading.Thread(target=_echo_all, args=(server,)).start()
                client.settimeout(SECONDS)
                client.connect(str(tmp_path / client_path))
                client.sendall(b"x" * 500_000)
                client.shutdown(socket.SHUT_WR)
                with client.makefile("rb") as stream:
                    assert stream.read() == b"all: 500000"
        # Nobody listens there any more.
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(SECONDS)
            client.connect(str(tmp_path / "forward.sock"))
            assert client.recv(1) == b""
        until(lambda: "did not connect" in line.relay_log, what="the relay said nothing")
    finally:
        line.end()


def test_an_unknown_request_is_refused_in_words(agent: Agent) -> None:
    with agent.open() as talk, pytest.raises(HarnessError, match='knows no request "dance"'):
        talk.ask("dance").one()
    with agent.open() as talk, pytest.raises(HarnessError, match="cannot be read"):
        talk.send(b"\0\0\0\x03{x}").one()


def test_a_large_file_arrives_as_it_is(agent: Agent, tmp_path: Path) -> None:
    data = os.urandom(1 << 20) * 24
    (tmp_path / "here").write_bytes(data)
    with (tmp_path / "here").open("rb") as source:
        agent.write(tmp_path / "there", source)
    with (tmp_path / "back").open("wb") as target:
        assert agent.copy_out(tmp_path / "there", target) == len(data)
    for name in ("there", "back"):
        found = hashlib.sha256((tmp_path / name).read_bytes()).digest()
        assert found == hashlib.sha256(data).digest()


def test_units_are_told_by_systemctl(program: Path, tmp_path: Path) -> None:
    played = tmp_path / "systemctl"
    played.write_text("""#!/bin/sh
        for unit; do :; done
        [ "$unit" = "no.service" ] && { echo "no such unit" >&2; exit 1; }
        printf 'Asked=%s\\nExecStart={ a=b }\\n\\n' "$*"
    """)
    played.chmod(0o755)
    line = Line(program, tmp_path)
    line.start_agent(PATH=f"{tmp_path}:{os.environ['PATH']}")
    line.start_relay()
    try:
        agent = line.agent()
        found = agent.units("a.scope", "b.slice", properties=("CPUWeight", "MemoryMax"))
        asked = "show --no-pager --property=CPUWeight,MemoryMax --"
        assert found == {
            unit: {"Asked": f"{asked} {unit}", "ExecStart": "{ a=b }"}
            for unit in ("a.scope", "b.slice")
        }
        with pytest.raises(HarnessError, match=r"show no\.service: no such unit"):
            agent.units("no.service")
    finally:
        line.end()
