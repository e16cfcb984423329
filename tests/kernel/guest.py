"""A guest under QEMU: its monitor, and a shell over its serial line."""

import json
import os
import socket
import subprocess
import time
from pathlib import Path
from threading import Lock
from typing import Any

COOL_C = 45.0
"""What a board's sensor reads when it is powered on."""

BOOT_S = 240.0
"""Longest time a guest may take from power-on to its first prompt, on an idle host."""

COMMAND_S = 120.0
"""Longest time a command may take unless its caller says otherwise, on an idle host."""

SEPARATOR = b"\x1e"


class GuestError(Exception):
    """The guest died, fell silent, or a command in it failed."""


def connected(path: Path, process: subprocess.Popen[bytes], patience_s: float = 30.0) -> Any:
    """Connects to a socket that QEMU is about to open."""
    deadline = time.monotonic() + patience_s
    client = socket.socket(socket.AF_UNIX)
    while time.monotonic() < deadline and process.poll() is None:
        try:
            client.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            time.sleep(0.05)
        else:
            return client
    raise GuestError(f"QEMU opened no socket {path}; its exit status is {process.poll()}")


class Monitor:
    """QEMU's machine protocol: the host's hand on the guest's hardware."""

    def __init__(self, client: socket.socket) -> None:
        client.settimeout(30.0)
        self._lock = Lock()
        self._stream = client.makefile("rw")
        self._stream.readline()  # the greeting
        self("qmp_capabilities")

    def __call__(self, command: str, **arguments: Any) -> Any:
        """Carries out a command.

        Raises:
            GuestError: QEMU refused it.
        """
        with self._lock:
            self._stream.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
            self._stream.flush()
            while True:
                line = self._stream.readline()
                if not line:
                    raise GuestError("QEMU closed its monitor")
                answer = json.loads(line)
                if "error" in answer:
                    raise GuestError(f"{command}: {answer['error']['desc']}")
                if "return" in answer:  # anything else is an event
                    return answer["return"]

    def human(self, line: str) -> str:
        """Carries out a command of the human monitor."""
        return str(self("human-monitor-command", **{"command-line": line}))


def patience() -> float:
    """How many times as long a guest may take on this host: runnable processes per core, from 1."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


class Guest:
    """A running guest.

    Attributes:
        monitor: Its hardware.
        process: QEMU.
        log: Everything that it printed.
        journal: What was done in it, and what it answered, oldest first.
    """

    def __init__(self, command: list[str], folder: Path) -> None:
        """Powers a guest on and waits for its shell.

        Args:
            command: QEMU and its arguments, without serial line and monitor.
            folder: An empty folder for sockets and the log.

        Raises:
            GuestError: It did not boot.
        """
        self.journal: list[str] = []
        serial, qmp, self.log = folder / "serial", folder / "qmp", folder / "console.log"
        chardev = f"socket,id=console,path={serial},server=on,wait=off,logfile={self.log}"
        more = ["-chardev", chardev, "-serial", "chardev:console"]
        more += ["-qmp", f"unix:{qmp},server=on,wait=off", "-display", "none", "-no-reboot"]
        with (folder / "qemu.log").open("wb") as errors:
            self.process = subprocess.Popen(
                [*command, *more], stdin=subprocess.DEVNULL, stdout=errors, stderr=errors
            )
        try:
            self._serial = connected(serial, self.process)
            self._unread = b""
            self._lost = False
            self.monitor = Monitor(connected(qmp, self.process))
            self._answer(BOOT_S)
        except BaseException:
            self.power_off()
            raise

    def _until(self, mark: bytes, deadline: float) -> bytes:
        while mark not in self._unread:
            self._serial.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                got = self._serial.recv(65536)
            except TimeoutError:
                # What it still prints would be taken for the answer to the next command.
                self._lost = True
                raise GuestError(f"the guest is silent; it printed:\n{self.tail()}") from None
            if not got:
                raise GuestError(f"the guest is gone; it printed:\n{self.tail()}")
            self._unread += got
        before, self._unread = self._unread.split(mark, 1)
        return before

    def _answer(self, timeout_s: float) -> tuple[str, str]:
        deadline = time.monotonic() + timeout_s * patience()
        printed = self._until(SEPARATOR, deadline)
        status = self._until(b"\n", deadline)
        return printed.decode(errors="replace"), status.decode().strip()

    def tail(self) -> str:
        """The last lines that the guest and QEMU printed."""
        texts = [self.log.read_text(errors="replace"), self.log.with_name("qemu.log").read_text()]
        return "\n".join(text[-3000:] for text in texts)

    def attempt(self, command: str, timeout_s: float = COMMAND_S) -> tuple[int, str]:
        """Runs one line of shell; returns its exit status and what it printed."""
        if "\n" in command:
            raise ValueError("the guest's shell takes one line")
        if self._lost:
            raise GuestError("the guest did not answer an earlier command in time")
        self._serial.sendall(command.encode() + b"\n")
        printed, status = self._answer(timeout_s)
        self.journal.append(f"# {command}\n{printed.strip()}".strip())
        return int(status), printed

    def note(self, line: str) -> None:
        """Writes what the host does into the journal."""
        self.journal.append(f"-- {line}")

    def run(self, command: str, timeout_s: float = COMMAND_S) -> str:
        """Runs one line of shell; returns what it printed, without spaces around it.

        Raises:
            GuestError: It failed, or took too long.
        """
        status, printed = self.attempt(command, timeout_s)
        if status:
            raise GuestError(f"{command!r} failed with status {status}:\n{printed}")
        return printed.strip()

    def read(self, path: str) -> str:
        """Reads a file, without spaces around its text."""
        return self.run(f"cat {path}")

    def write(self, path: str, text: str) -> bool:
        """Writes a file of sysfs in one call; returns whether the kernel accepted it."""
        return self.attempt(f"printf %s '{text}' >{path}")[0] == 0

    def power_off(self) -> None:
        """Ends the guest."""
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(20)
