"""parleyd on free ports with a folder of its own, requests to it, and devices of its users."""
import http.client
import itertools
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import jsonschema
import websocket

ROOT = pathlib.Path(__file__).resolve().parents[3]
OPENAPI = json.loads((ROOT / "docs/openapi.json").read_text())
PARLEYD = None  # set by main()
WAIT_S = 30  # for hangs


def until(what, found):
    """Asks `found` until it gives something true, and returns that."""
    end = time.monotonic() + WAIT_S
    while True:
        result = found()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"waited in vain for {what}")
        time.sleep(0.01)


def strict(schema):
    """A copy in which objects have no other members than those that are described."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    copy = {key: strict(value) for key, value in schema.items()}
    if copy.get("type") == "object" and isinstance(copy.get("properties"), dict):
        copy.setdefault("additionalProperties", False)
    return copy


COMPONENTS = strict(OPENAPI["components"])


def check(value, name):
    """Raises unless `value` is exactly what the schema of this name says."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema",
              "$ref": f"#/components/schemas/{name}", "components": COMPONENTS}
    jsonschema.Draft202012Validator(schema).validate(value)


class Parleyd:
    # `media`: lines for its group; without any, it listens on all addresses of the machine.
    def __init__(self, settings="", folder=None, http="", media="listen = 127.0.0.1\n"):
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="parleyd-test-"))
        self.owns_folder = folder is None
        (self.folder / "secret").write_text("s" * 40)
        (self.folder / "webhook.secret").write_text("w" * 40)
        self.config = self.folder / "parleyd.conf"
        self.config.write_text(
            "[media]\nudp-port = 0\n" + media + "[store]\npath = calls.db\n"
            "[http]\nlisten = 127.0.0.1\nport = 0\n" + http +
            ("" if "[key" in settings else
             "[key \"k\"]\nalgorithm = HS256\nsecret-file = secret\n") + settings)
        self.tokens = {}
        self.log = ""
        self.start()

    def start(self):
        self.process = subprocess.Popen([PARLEYD, "--config", self.config],
                                        stderr=subprocess.PIPE, text=True)
        self.port = None
        threading.Thread(target=self.read_log, args=(self.process.stderr,), daemon=True).start()
        until("parleyd to listen", lambda: self.port or self.process.poll() is not None)
        assert self.port, self.log

    def read_log(self, pipe):
        for line in pipe:
            self.log += line
            port = re.search(r"localhost:(\d+)", line)
            if port and not self.port:
                self.port = int(port.group(1))
        pipe.close()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        return self.process.wait(WAIT_S)

    def close(self):
        self.kill()
        if self.owns_folder:
            shutil.rmtree(self.folder)

    def token(self, profile, grants=""):
        if (profile, grants) not in self.tokens:
            arguments = [PARLEYD, "--config", self.config, "--print-token", profile]
            arguments += ["--grants", grants] if grants else []
            self.tokens[profile, grants] = subprocess.run(
                arguments, capture_output=True, text=True, check=True).stdout.strip()
        return self.tokens[profile, grants]

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT_S)
        connection.request("GET", path)
        text = connection.getresponse().read().decode()
        connection.close()
        return text

    def metric(self, name):
        for line in self.get("/metrics").splitlines():
            if line.startswith(name + " "):
                return float(line.split(" ")[-1])
        return 0


class Device:
    """One WebSocket of a user. Every message that came is in `heard`."""
    numbers = itertools.count()

    def __init__(self, server, profile, grants=""):
        self.heard = []
        self.socket = websocket.create_connection(
            f"ws://127.0.0.1:{server.port}/ws", subprotocols=["jsapi.v1"], timeout=WAIT_S)
        threading.Thread(target=self.listen, daemon=True).start()
        self.ask("hello", token=server.token(profile, grants))

    def listen(self):
        try:
            while True:
                text = self.socket.recv()
                if not text:
                    return
                self.heard.append(json.loads(text))
        except (OSError, websocket.WebSocketException):
            return

    def ask(self, type, **members):
        members.setdefault("id", f"r{next(self.numbers)}")
        self.socket.send(json.dumps({"type": type, **members}))
        return until(f"an answer to {type}", lambda: next(
            (m for m in self.heard if m.get("ref") == members["id"]), None))

    def wait(self, type, **members):
        def fits(message):
            return message["type"] == type and all(
                message.get(name) == value for name, value in members.items())
        return until(f"{type} {members}", lambda: next(filter(fits, self.heard), None))

    def close(self):
        self.socket.close()


def main():
    global PARLEYD
    PARLEYD = sys.argv.pop(1)
    result = unittest.main(module="__main__", exit=False).result
    failed = len(result.failures) + len(result.errors)
    # Like Check's closing line, which scripts/test sums up.
    print(f"Checks: {result.testsRun}, Failures: {len(result.failures)}, "
          f"Errors: {len(result.errors)}", flush=True)
    sys.exit(0 if failed == 0 else 1)
