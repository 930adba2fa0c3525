"""The servers that are compared: how each is configured, started and ended.

A server is started afresh for every run, on free ports of the loopback, with its files in a
temporary folder. Only processes started here are ever ended.
"""

import contextlib
import glob
import json
import os
import resource
import secrets
import shutil
import socket
import subprocess
import threading
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

START_TIMEOUT_S = 15
STOP_TIMEOUT_S = 10
OPEN_FILES = 40000  # Janus needs several per participant; a connection takes one


class BenchError(Exception):
    """Something the user has to put right; the text says how."""


def free_port() -> int:
    """A TCP port that nobody uses. If another program takes it before we do, the start fails."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def prepare_child(nice: int) -> None:
    """In the child, before exec: open files and priority as far as permitted."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    try:
        os.setpriority(os.PRIO_PROCESS, 0, nice)
    except PermissionError:
        pass


def spawn(
    command: list[str], nice: int, log: Path, environment: dict[str, str]
) -> subprocess.Popen:
    with open(log, "wb") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
            preexec_fn=lambda: prepare_child(nice),
        )


@dataclass
class Server:
    """One server process. Use as a context manager; leaving it ends the process."""

    name: str
    folder: Path  # its own, empty
    nice: int
    port: int = field(default_factory=free_port)
    process: subprocess.Popen | None = None

    def command(self) -> list[str]:
        """Writes the configuration and returns the command line."""
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        return {}

    def load_options(self) -> list[str]:
        """What parley-load needs to talk to it."""
        raise NotImplementedError

    # How long the load must run before it is measured.
    settle_s = 3

    def beside_load(self) -> contextlib.AbstractContextManager:
        """What goes on at the server while it is measured."""
        return contextlib.nullcontext()

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def log_tail(self) -> str:
        lines = (self.folder / "log").read_text(errors="replace").splitlines()
        return "\n".join(lines[-15:])

    def __enter__(self) -> "Server":
        self.process = spawn(self.command(), self.nice, self.folder / "log", self.environment())
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise BenchError(f"{self.name} ended at once. Its last words:\n{self.log_tail()}")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.05)
        self.__exit__()
        raise BenchError(
            f"{self.name} did not listen on port {self.port} within {START_TIMEOUT_S} s:\n"
            + self.log_tail()
        )

    def __exit__(self, *_exception) -> None:
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Janus(Server):
    """Janus with VideoRoom, two event loops (its cheapest setting) and nothing it does not need."""

    shim: Path

    def command(self) -> list[str]:
        program = shutil.which("janus")
        plugins = glob.glob("/usr/lib/*/janus/plugins")
        if program is None or not plugins:
            raise BenchError("Janus is missing; install Debian's package: apt-get install janus")
        libraries = Path(plugins[0]).parent
        unwanted = [
            path.name
            for kind, kept in (("plugins", "libjanus_videoroom.so"),
                               ("transports", "libjanus_websockets.so"))
            for path in sorted((libraries / kind).glob("*.so"))
            if path.name != kept
        ]
        disabled = ",".join(unwanted)
        self.write("janus.jcfg", f"""general: {{
  configs_folder = "{self.folder}"
  plugins_folder = "{libraries}/plugins"
  transports_folder = "{libraries}/transports"
  events_folder = "{libraries}/events"
  loggers_folder = "{libraries}/loggers"
  debug_level = 2
  event_loops = 2
}}
media: {{ ipv6 = false }}
nat: {{ nice_debug = false  ice_enforce_list = "lo"  ignore_mdns = true }}
plugins: {{ disable = "{disabled}" }}
transports: {{ disable = "{disabled}" }}
""")
        self.write("janus.transport.websockets.jcfg", f"""general: {{
  json = "compact"
  ws = true
  ws_port = {self.port}
  ws_ip = "127.0.0.1"
  wss = false
}}
admin: {{ admin_ws = false }}
""")
        self.write("janus.plugin.videoroom.jcfg", "general: {\n}\n")
        return [program, "-F", str(self.folder)]

    def environment(self) -> dict[str, str]:
        return {"LD_PRELOAD": str(self.shim)}

    def load_options(self) -> list[str]:
        return ["--driver", "janus", "--url", f"ws://127.0.0.1:{self.port}"]


class Parley(Server):
    """parleyd as an operator would run it: the store on disk, media on all addresses."""

    program: Path

    def command(self) -> list[str]:
        self.write("secret", secrets.token_hex(32))
        self.write("parleyd.conf", f"""[http]
listen = 127.0.0.1
port = {self.port}
[media]
udp-port = 0
[store]
path = parley.db
[key "bench"]
algorithm = HS256
secret-file = secret
[limits]
# One caller and up to a thousand listeners, all from one address.
receivers-per-call = 1000
unproven-per-address = 1000
""")
        return [str(self.program), "--config", str(self.folder / "parleyd.conf")]

    def load_options(self) -> list[str]:
        return ["--driver", "parley", "--url", f"ws://127.0.0.1:{self.port}/ws",
                "--token-key", str(self.folder / "secret"), "--token-key-id", "bench"]


class ParleyAtWork(Parley):
    """parleyd that records every track of the first call, and sends the call on as HLS."""

    settle_s = 8  # both have begun by then

    def command(self) -> list[str]:
        command = super().command()
        with open(self.folder / "parleyd.conf", "a") as config:
            config.write(f"[recordings]\nfolder = {self.folder}/recordings\n")
        return command

    @contextlib.contextmanager
    def beside_load(self):
        failures: list[str] = []
        starter = threading.Thread(target=self.start_jobs, args=[failures])
        starter.start()
        yield
        starter.join()
        if failures:
            raise BenchError(f"no recording or no HLS: {failures[0]}\n{self.log_tail()}")

    def start_jobs(self, failures: list[str]) -> None:
        try:
            deadline = time.monotonic() + START_TIMEOUT_S
            while not (calls := [call for call in self.ask("GET", "calls")["items"]
                                 if call["state"] == "running"]):
                if time.monotonic() > deadline:
                    raise BenchError("there is no call")
                time.sleep(0.1)
            call = f"calls/{calls[0]['callId']}"
            self.ask("POST", f"{call}/recording", {"layout": "tracks"})
            self.ask("POST", f"{call}/bridges", {"direction": "out", "kind": "hls"})
            while True:
                extras = self.ask("GET", call)
                states = [extras["recording"]["state"], extras["bridges"][0]["state"]]
                if states == ["on", "live"]:
                    return
                if time.monotonic() > deadline:
                    raise BenchError(f"the recording and HLS are {states}")
                time.sleep(0.1)
        except (BenchError, OSError, LookupError) as error:
            failures.append(str(error))

    def ask(self, method: str, path: str, body: dict | None = None) -> dict:
        token = subprocess.run(
            [str(self.program), "--config", str(self.folder / "parleyd.conf"),
             "--print-token", "bench", "--grants", "admin"],
            capture_output=True, text=True, check=True,
        ).stdout.strip()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api/v1/{path}", method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)
