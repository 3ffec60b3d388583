"""What goes wrong on the way to a guest is said at once, and what comes after it works."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
import tty
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.guest.conftest import SECONDS, Line, until

from podresize.errors import HarnessError
from podresize.guest.client import Agent
from podresize.guest.conversation import AgentAbsentError, AgentCutError
from podresize.guest.frames import HELLO, NONCE_SIZE, PREAMBLE, WINDOW, Decoder, Frame, Kind
from podresize.guest.messages import request


def test_an_agent_gone_in_the_middle_is_said_and_its_next_one_answers(line: Line) -> None:
    agent = line.agent()
    with agent.open() as talk:
        talk.ask("exec", argv=["sh", "-c", "echo 1; sleep 1000"])
        assert talk.message() is not None
        line.kill("agent")
        with pytest.raises(AgentCutError, match="went away in the middle"):
            talk.message()
    until(lambda: "port was closed" in line.relay_log, what="the relay did not notice")
    with pytest.raises(AgentAbsentError, match="does not answer"):
        agent.ping()
    line.start_agent()
    assert agent.wait().monotonic > 0


def test_a_relay_gone_in_the_middle_is_said_and_ends_what_was_begun(
    line: Line, tmp_path: Path
) -> None:
    agent = line.agent()
    with agent.open() as talk:
        talk.ask("exec", argv=["sh", "-c", f"echo $$ > {tmp_path}/pid; echo 1; exec sleep 1000"])
        assert talk.message() is not None
        line.kill("relay")
        with pytest.raises(AgentCutError):
            talk.message()
    with pytest.raises(AgentAbsentError, match="relay cannot be reached"):
        agent.ping()

    line.start_relay()
    agent.wait()

    # The session is another one: what the one before it had started is ended.
    pid = (tmp_path / "pid").read_text().strip()
    until(lambda: not Path(f"/proc/{pid}").exists(), what="the command lives")


def test_a_client_that_goes_leaves_nothing(line: Line, tmp_path: Path) -> None:
    agent = line.agent()
    (tmp_path / "large").write_bytes(bytes(20_000_000))
    for _ in range(20):
        with agent.open() as talk:
            talk.ask("read", path=str(tmp_path / "large"))
            talk.message()
        with agent.open() as talk:
            talk.ask("sample", files={}, rate=100)
            talk.message()
    pid = line.processes["agent"].pid

    def is_idle() -> bool:
        for each in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # it was closed meanwhile
                if each.readlink() == tmp_path / "large":
                    return False
        return True

    until(is_idle, what="the file is still read")
    assert agent.read("/proc/self/comm") == b"agent\n"


def test_a_slow_reader_keeps_nobody_else_waiting(line: Line, tmp_path: Path) -> None:
    agent = line.agent()
    data = os.urandom(8 * WINDOW)
    (tmp_path / "large").write_bytes(data)
    with agent.open() as slow:
        slow.ask("read", path=str(tmp_path / "large"))
        first = slow.message()
        assert first is not None
        for _ in range(20):
            agent.ping()
        assert agent.read(tmp_path / "large") == data
        rest = b"".join(message.payload for message in slow.messages())
    assert first.payload + rest == data


def test_a_writer_that_nobody_reads_does_not_block_the_line(line: Line) -> None:
    """The guest's command takes nothing: what is sent to it waits in its own window."""
    agent = line.agent()
    with agent.open() as talk:
        talk.ask("exec", argv=["sleep", "1000"], seconds=1000)
        talk.feed(iter(lambda: bytes(65536), None))
        for _ in range(20):
            agent.ping()


def test_fifty_channels_at_once(line: Line, tmp_path: Path) -> None:
    agent = line.agent()
    data = [os.urandom(300_000) for _ in range(50)]

    def there_and_back(number: int) -> bool:
        place = tmp_path / f"file-{number}"
        agent.write(place, data[number])
        via = agent.execute("cat", str(place)).stdout
        return via == agent.read(place) == data[number]

    with ThreadPoolExecutor(max_workers=50) as workers:
        assert all(workers.map(there_and_back, range(50)))


def test_a_relay_without_a_guest_says_so(program: Path, tmp_path: Path) -> None:
    line = Line(program, tmp_path)
    line.start_relay()
    try:
        until(line.socket.exists, what="the relay does not listen")
        agent = Agent(line.socket, patience=SECONDS)
        with pytest.raises(AgentAbsentError, match="does not answer"):
            agent.wait(0.3)
        line.start_agent()
        agent.wait()
    finally:
        line.end()


def test_a_silent_agent_is_told_from_one_that_is_gone(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(tmp_path / "s"))
        deaf.listen()
        with pytest.raises(HarnessError, match=r"was silent for 0\.2 s"):
            Agent(tmp_path / "s", patience=0.2).ping()


class Port:
    """The host's end of an agent's port, in a test's hands."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(SECONDS)
        until(lambda: self._connects(path), what="the agent does not listen")
        self.decoder = Decoder()
        self.frames: list[Frame] = []

    def _connects(self, path: Path) -> bool:
        try:
            self.socket.connect(str(path))
        except OSError:
            return False
        return True

    def send(self, *what: Frame | bytes) -> None:
        for each in what:
            self.socket.sendall(each if isinstance(each, bytes) else each.encode())

    def frame(self) -> Frame:
        while not self.frames:
            data = self.socket.recv(65536)
            assert data, "the agent closed its port"
            self.frames += self.decoder.feed(data)
        return self.frames.pop(0)

    def begin(self, nonce: bytes) -> None:
        asked = Frame(Kind.RESET_ALL, 0, nonce)
        self.send(PREAMBLE, asked)
        while self.frame() != asked:
            pass


@pytest.fixture
def port(program: Path, tmp_path: Path) -> Iterator[Port]:
    line = Line(program, tmp_path)
    line.start_agent()
    found = Port(line.port)
    yield found
    found.socket.close()
    line.end()


NONCES = [bytes([number]) * NONCE_SIZE for number in range(1, 9)]
PING = Frame(Kind.DATA, 1, request("ping"))


def answers(port: Port, channel: int = 1) -> list[Kind]:
    """Ask for the clocks and return the kinds of the frames up to the end."""
    port.send(Frame(Kind.OPEN, channel), Frame(Kind.DATA, channel, request("ping")))
    kinds: list[Kind] = []
    while not kinds or kinds[-1] not in (Kind.END, Kind.RESET):
        frame = port.frame()
        assert frame.channel == channel
        kinds.append(frame.kind)
    return kinds


def test_an_agent_that_starts_says_so_and_takes_nothing_before_a_session(port: Port) -> None:
    port.send(Frame(Kind.OPEN, 1), PING)
    assert port.frame() == Frame(Kind.RESET_ALL, 0, HELLO)
    port.begin(NONCES[0])
    assert answers(port)[-1] is Kind.END
    # The host would go on sending: it is told not to.
    assert port.frame() == Frame(Kind.RESET, 1)


@pytest.mark.parametrize("cut", [1, 5, 9, 10, 200])
def test_a_frame_that_was_cut_short_does_not_swallow_the_next_session(port: Port, cut: int) -> None:
    port.begin(NONCES[0])
    port.send(Frame(Kind.OPEN, 1), Frame(Kind.DATA, 1, b"\xb7" * 30_000).encode()[:cut])
    port.begin(NONCES[1])
    assert answers(port)[-1] is Kind.END


def test_the_same_nonce_again_resets_nothing(port: Port) -> None:
    port.begin(NONCES[0])
    port.send(Frame(Kind.OPEN, 1), Frame(Kind.RESET_ALL, 0, NONCES[0]), PING)
    kinds = {port.frame().kind for _ in range(3)}
    assert Kind.RESET_ALL in kinds
    assert Kind.DATA in kinds


def test_who_sends_without_credit_is_reset(port: Port) -> None:
    port.begin(NONCES[0])
    listing = request("exec", argv=["sleep", "1000"])
    port.send(Frame(Kind.OPEN, 1), Frame(Kind.DATA, 1, listing))
    for _ in range(3 * WINDOW // 30_000):
        port.send(Frame(Kind.DATA, 1, bytes(30_000)))
    while (frame := port.frame()).kind is not Kind.RESET:
        assert frame.kind in (Kind.CREDIT, Kind.DATA)


def test_what_is_sent_without_credit_is_not_kept(program: Path, tmp_path: Path) -> None:
    """Whoever answers the channel may be in a system call, and not notice its end for hours."""
    os.mkfifo(tmp_path / "fifo")
    line = Line(program, tmp_path)
    line.start_agent()
    try:
        port = Port(line.port)
        port.begin(NONCES[0])
        reading = request("read", path=str(tmp_path / "fifo"))
        port.send(Frame(Kind.OPEN, 1), Frame(Kind.DATA, 1, reading))
        before = resident(line)
        for _ in range(2000):
            port.send(Frame(Kind.DATA, 1, bytes(30_000)))
        assert answers(port, channel=2)[-1] is Kind.END
        assert resident(line) - before < 20 << 20
        port.socket.close()
    finally:
        line.end()


def resident(line: Line) -> int:
    """Return the bytes of memory that the agent has."""
    status = Path(f"/proc/{line.processes['agent'].pid}/status").read_text()
    (kilobytes,) = [each.split()[1] for each in status.splitlines() if each.startswith("VmRSS:")]
    return int(kilobytes) << 10


def test_a_command_without_an_end_is_not_kept(line: Line) -> None:
    agent = line.agent()
    with agent.open() as talk:
        talk.ask("sample", files={}, rate=10)
        talk.feed(iter([bytes(1 << 20)]))
        with pytest.raises(AgentCutError):
            list(talk.messages())
    assert agent.ping().monotonic > 0


def test_a_watch_of_nothing_may_be_told_to_follow(line: Line, tmp_path: Path) -> None:
    (tmp_path / "cgroup.procs").write_text(f"{os.getpid()}\n")
    agent = line.agent()
    with agent.open() as talk:
        talk.ask("watch-process", rate=100)
        talk.send(following(tmp_path)).end()
        said = [message.json for message in talk.messages()]

    assert [each["data"]["pid"] for each in said if "data" in each] == [os.getpid()]
    assert agent.ping().monotonic > 0


def following(cgroup: Path) -> bytes:
    told = {"follow": {"subject": "c", "cgroup": str(cgroup)}}
    return f"{json.dumps(told)}\n".encode()


@pytest.mark.parametrize("_again", range(8))
def test_what_was_followed_before_the_end_is_looked_at_last(
    agent: Agent, tmp_path: Path, _again: int
) -> None:
    """Both wait while the agent looks; that it took them in their order was chance."""
    before, after = tmp_path / "before", tmp_path / "after"
    for each in (before, after):
        each.mkdir()
    os.mkfifo(before / "cgroup.procs")  # a look that lasts until somebody writes
    (after / "cgroup.procs").write_text(f"{os.getpid()}\n")
    with agent.open() as talk:
        talk.ask("watch-process", cgroups={"c": str(before)}, rate=1)
        talk.send(following(after)).end()
        for _ in range(3):
            agent.ping()  # on the same line, behind them
        (before / "cgroup.procs").write_text("0\n")
        said = [
            message.json["data"]["pid"] for message in talk.messages() if b"data" in message.payload
        ]

    assert said == [None, os.getpid()]


def test_a_socket_that_is_listened_to_no_more_keeps_its_path(agent: Agent, tmp_path: Path) -> None:
    """By then it may be the next session's, which would not be found."""
    place = tmp_path / "s"
    with agent.open() as talk:
        talk.ask("listen", unix=str(place))
        message = talk.message()
        assert message is not None
        assert message.json == {"listens": True}
        place.unlink()
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(place))
            talk.end()
            assert list(talk.messages()) == []
            assert place.exists()
    with agent.open() as talk:
        talk.ask("listen", unix=str(place))
        assert talk.message() is not None  # what is there is in nobody's way


def test_a_request_that_is_no_request_harms_nobody(port: Port) -> None:
    port.begin(NONCES[0])
    port.send(Frame(Kind.DATA, 77, b"?"), Frame(Kind.END, 77), Frame(Kind.CREDIT, 77, b"?"))
    port.send(Frame(Kind.OPEN, 1), Frame(Kind.DATA, 1, b"\xff\xff\xff\xff"))
    said = [port.frame() for _ in range(3)]
    assert said[0].payload[:1] == b"X"
    assert [each.kind for each in said[1:]] == [Kind.END, Kind.RESET]
    assert answers(port, channel=2)[-1] is Kind.END


def test_a_device_serves_as_the_port(program: Path, tmp_path: Path) -> None:
    """A pseudo-terminal is a character device, as a virtio-serial port is one."""
    master, slave = os.openpty()
    tty.setraw(slave)
    line = Line(program, tmp_path)
    # It comes after the agent, as a guest's devices do.
    device = tmp_path / "org.podresize.agent"
    line.start_agent(str(device))
    device.symlink_to(os.ttyname(slave))
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(line.port))
        server.listen()
        line.start_relay()
        connection, _ = server.accept()
        pump = threading.Thread(target=_pump, args=(connection, master), daemon=True)
        pump.start()
        try:
            agent = Agent(line.socket, patience=SECONDS)
            agent.wait()
            data = os.urandom(400_000)
            agent.write(tmp_path / "file", data)
            assert agent.read(tmp_path / "file") == data
        finally:
            line.end()
            connection.close()
            os.close(slave)
            pump.join(SECONDS)
            os.close(master)


def _pump(connection: socket.socket, master: int) -> None:
    def up() -> None:
        with contextlib.suppress(OSError):
            while data := connection.recv(65536):
                while data:
                    data = data[os.write(master, data) :]

    threading.Thread(target=up, daemon=True).start()
    # EIO: nobody has the terminal any more.
    with contextlib.suppress(OSError):
        while data := os.read(master, 65536):
            connection.sendall(data)
