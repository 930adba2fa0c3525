#!/usr/bin/env python3
"""No trouble of a job reaches a live call, and the call is told of its end.

Participants with media (parley-load) while a recorder and an encoder are stopped, killed, and
out of disk; what they received of each other is counted by its sequence numbers.
"""
import http.client
import http.server
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
import unittest

from support import parleyd
from support.parleyd import Device, Parleyd, until

PEERS = 3
ROOM = 7  # names the participants: r7-p0, …
LONGEST_S = 150  # it is told when it is enough
UNREAD = 1500  # packets


class Load:
    """parley-load: a call with media, and what its participants received."""

    def __init__(self, server):
        self.result = server.folder / "load.json"
        self.process = subprocess.Popen(
            [LOAD, "--url", f"ws://127.0.0.1:{server.port}/ws", "--peers", str(PEERS),
             "--room-base", str(ROOM), "--settle", "0.2", "--duration", str(LONGEST_S),
             "--token-command", f"{parleyd.PARLEYD} --config {server.config} --print-token {{}}",
             "--json", self.result],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def finish(self):
        self.process.send_signal(signal.SIGUSR1)
        self.said, _ = self.process.communicate(timeout=parleyd.WAIT_S)
        return json.loads(self.result.read_text())

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


class Told:
    """The application's server, which is told of recordings."""

    def __init__(self):
        self.notices = notices = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                notices.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Served(unittest.TestCase):
    def setUp(self):
        self.told = Told()
        self.addCleanup(self.told.close)
        self.server = Parleyd("[recordings]\nfolder = recordings\nfree-mb = 0\nfree-percent = 0\n"
                              f"stop-mb = 2\npart-seconds = 2\n[jobs]\nprogram = {JOB}\nsilence = 6s\nsandbox = require\n"
                              f"[webhooks]\nurl = {self.told.url}\nsecret-file = webhook.secret\n"
                              "events = recording.ended\n")
        self.addCleanup(self.server.close)
        self.addCleanup(self.kill_jobs)
        self.load = Load(self.server)
        self.addCleanup(self.load.kill)

    def api(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        connection.request(method, "/api/v1" + path, json.dumps(body) if body is not None else None,
                           {"Authorization": "Bearer " + self.server.token("ops", "admin"),
                            "Content-Type": "application/json"})
        response = connection.getresponse()
        text = response.read()
        connection.close()
        return response.status, json.loads(text) if text else None

    def jobs(self):
        """The processes of jobs, without those that only look at files."""
        parent = self.server.process.pid
        found = set()
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                pid = int(stat.parent.name)
                rest = stat.read_text().rsplit(")", 1)[1].split()
                arguments = (stat.parent / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue  # ended meanwhile
            if int(rest[1]) == parent and rest[0] != "Z" and arguments == [JOB.encode(), b""]:
                found.add(pid)
        return found

    def kill_jobs(self):
        for pid in self.jobs():
            os.kill(pid, signal.SIGKILL)

    def begun(self, what, body):
        """Starts a job: what the API says, and the one new process."""
        before = self.jobs()
        status, begun = self.api("POST", f"/calls/{self.call}/{what}", body)
        self.assertIn(status, (200, 201), begun)
        pid = until("the job", lambda: self.jobs() - before).pop()
        return begun, pid

    def record(self):
        begun, pid = self.begun("recording", {})
        self.watcher.wait("call.recording", recordingId=begun["recordingId"], state="on")
        until("what is recorded", lambda: self.files(begun["recordingId"]))
        return begun["recordingId"], pid

    def files(self, recording):
        return self.api("GET", f"/recordings/{recording}")[1].get("files")

    def hang(self, pid):
        """As a job that hangs. (A full socket of one, which takes half a minute, is tested by media-taps.)"""
        os.kill(pid, signal.SIGSTOP)
        given = self.server.metric("parley_tap_packets_total")
        until("much that it does not read", lambda: self.server.metric("parley_tap_packets_total")
              > given + UNREAD)

    def failed(self, recording):
        event = self.watcher.wait("call.recording", recordingId=recording, state="failed")
        self.assertTrue(event["message"])
        _, call = self.api("GET", f"/calls/{self.call}")
        self.assertNotIn("recording", call)
        return event["message"]

    def test_a_live_call_beside_jobs_in_trouble(self):
        self.watcher = Device(self.server, f"r{ROOM}-p1")  # its other device
        self.addCleanup(self.watcher.close)
        self.call = self.in_call()
        # A recorder that hangs: it is noticed.
        recording, recorder = self.record()
        bridge, encoder = self.begun("bridges", {"direction": "out", "kind": "hls"})
        self.watcher.wait("call.bridge", bridgeId=bridge["bridgeId"], state="live")
        self.hang(recorder)
        self.assertIn("no sign of life for 6 s", self.failed(recording))
        until("what it left to be closed", lambda: all(
            file["closed"] for file in self.files(recording)))
        self.assertTrue(any(file["recovered"] for file in self.files(recording)))
        # An encoder that stalls, and is killed.
        self.hang(encoder)
        os.kill(encoder, signal.SIGKILL)
        event = self.watcher.wait("call.bridge", bridgeId=bridge["bridgeId"], state="failed")
        self.assertIn("signal 9", event["message"])
        self.assertEqual([], self.api("GET", f"/calls/{self.call}/bridges")[1]["items"])
        self.disk_in_trouble()
        self.nothing_was_lost()

    def disk_in_trouble(self):
        folder = self.server.folder / "recordings"
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder],
                                 capture_output=True, check=False)
        if mounted.returncode != 0:
            print("no tmpfs can be mounted here: the full disk is left out", flush=True)
            return
        try:
            # One that fills up: it ends before that.
            recording, _ = self.record()
            disk = os.statvfs(folder)
            with open(folder / "filler", "wb", 0) as filler:
                filler.write(bytes(disk.f_bavail * disk.f_frsize - 1800 * 1024))
            self.assertRegex(self.failed(recording), r"only 1\.\d MiB left, and a recording ends with less than 2\.0")
            self.assertTrue(all(file["closed"] and not file["recovered"] and file["durationMs"]
                                for file in self.files(recording)))
            # One that is full before anybody looks.
            (folder / "filler").unlink()
            recording, _ = self.record()
            with open(folder / "filler", "wb", 0) as filler, self.assertRaises(OSError):
                while True:
                    filler.write(bytes(65536))
            self.assertRegex(self.failed(recording), "no space left|only 0.0 MiB left")
            # One that cannot be written to, where none begins.
            self.assertEqual(0, subprocess.run(["mount", "-o", "remount,ro", folder], check=False).returncode)
            begun = self.api("POST", f"/calls/{self.call}/recording", {})[1]
            self.assertRegex(self.failed(begun["recordingId"]), "Read-only|less than 2 MiB")
        finally:
            until("the job's end", lambda: not self.jobs())
            subprocess.run(["umount", "-l", folder], check=True)

    def test_everything_dies_at_once(self):
        self.watcher = Device(self.server, f"r{ROOM}-p1")
        self.addCleanup(self.watcher.close)
        self.call = self.in_call()
        recording, recorder = self.record()
        began = time.monotonic()  # no sooner than the recording did
        until("parts, one after the other", lambda: sum(
            file["closed"] for file in self.files(recording)) >= 2 * PEERS)
        closed = {file["file"]: file for file in self.files(recording) if file["closed"]}
        os.kill(self.server.process.pid, signal.SIGSTOP)  # who dies first is not heard of
        os.kill(recorder, signal.SIGKILL)
        self.server.kill()
        lived_ms = (time.monotonic() - began) * 1000
        self.load.kill()
        self.told.notices.clear()
        self.server.start()
        until("what was left open to be closed", lambda: all(
            file["closed"] for file in self.files(recording)))
        _, found = self.api("GET", f"/recordings/{recording}")
        self.assertEqual(("failed", "the server stopped"), (found["state"], found["message"]))
        until("the application to be told", lambda: self.told.notices)
        told = self.told.notices[0]
        self.assertEqual(("recording.ended", recording, "failed", "The server stopped."),
                         (told["type"], *(told["data"][k] for k in ("recordingId", "state", "message"))))
        # What was closed is as it was; nothing is between two parts; at most 2 s are gone.
        for file in found["files"]:
            if file["file"] in closed:
                self.assertEqual({**closed[file["file"]], "url": ""}, {**file, "url": ""})
        self.assertTrue(any(file["recovered"] for file in found["files"]))
        tracks = {}
        for file in found["files"]:
            tracks.setdefault((file["profileId"], file["source"]), []).append(file)
        self.assertEqual(2 * PEERS, len(tracks))
        for track, files in tracks.items():
            ends = [file["startMs"] + file["durationMs"] for file in files]
            self.assertGreaterEqual(ends[-1] + 2000, lived_ms, track)
            self.assertGreater(len(files), 1, track)
            self.assertEqual([], [file["gaps"] for file in files if file["gaps"]], track)
            for end, file in zip(ends, files[1:]):
                self.assertLess(file["startMs"] - end, 100, track)  # a picture at 10 fps
        folder = next((self.server.folder / "recordings").glob("*/" + recording))
        verified = subprocess.run([JOB, "verify", "--json", folder], capture_output=True, check=False)
        self.assertEqual(0, verified.returncode, verified.stdout)
        self.assertEqual(sorted(file["file"] for file in found["files"]),
                         [file["file"] for file in json.loads(verified.stdout)["files"]])

    def in_call(self):
        """The call, once all of it have media."""
        call = self.watcher.wait("call.init")["callId"]
        until("everybody's media", lambda: self.connected(call) == PEERS)
        return call

    def connected(self, call):
        return sum(p["state"] == "active" for p in self.api("GET", f"/calls/{call}")[1]["participants"])

    def nothing_was_lost(self):
        self.assertEqual(PEERS, self.connected(self.call))
        self.assertIsNone(self.load.process.poll())
        got = self.load.finish()
        self.assertEqual((True, 0, ""), (got["ok"], got["failed_peers"], got["errors"]), self.load.said)
        self.assertEqual(PEERS * (PEERS - 1) * 2, got["streams_arrived"])
        self.assertGreater(got["forwarded_packets"], 1000)
        # Whole by their sequence numbers; what this machine's own sockets dropped is not forgiven.
        self.assertEqual((0, 0), (got["lost_pct"], got["received_drops"]), self.load.said)


if __name__ == "__main__":
    LOAD, JOB = sys.argv.pop(2), sys.argv.pop(2)
    parleyd.main()
