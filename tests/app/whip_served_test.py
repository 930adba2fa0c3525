#!/usr/bin/env python3
"""WHIP (RFC 9725) and WHEP of the real binary, asked with the offers of real browsers, and by the
GStreamer client of docs/examples."""
import http.client
import json
import os
import re
import subprocess
import sys
import threading
import unittest

from support import parleyd
from support.parleyd import ROOT, Device, Parleyd, until

DATA = ROOT / "tests/sdp/data"
SDP = "application/sdp"
FRAGMENT = "application/trickle-ice-sdpfrag"
PAGE = "https://studio.example.net"


def offer(name):
    return (DATA / f"{name}.sdp").read_bytes()


class Client:
    """docs/examples/whip_client.cpp, running."""

    def __init__(self, what, url, token):
        self.said = []
        self.process = subprocess.Popen([CLIENT, what, url, "60"], stdout=subprocess.PIPE,
                                        text=True, env=os.environ | {"TOKEN": token})
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for line in self.process.stdout:
            self.said.append(line.strip())
        self.process.stdout.close()

    def says(self, start):
        until(f"the client to say {start}", lambda: [s for s in self.said if s.startswith(start)])

    def kill(self):
        self.process.kill()
        self.process.wait()


class Served(unittest.TestCase):
    calls = 0

    @classmethod
    def setUpClass(cls):
        # libnice, of the GStreamer client, sends nothing to the loopback address.
        cls.server = Parleyd(media="", http=f"origins = {PAGE}\n"
                             "[ice-servers]\nurls = stun:stun.example.net:3478\n")
        cls.alice, cls.bob = Device(cls.server, "alice"), Device(cls.server, "bob")

    # Nobody in it has media but for guests: each test is over before that ends the call.
    def setUp(self):
        Served.calls += 1
        self.call = f"c{self.calls}"
        self.alice.ask("call.init", id=self.call, **{"from": "alice", "to": "bob"})
        self.bob.wait("call.init", callId=self.call)
        self.assertEqual("ok", self.bob.ask("call.accept", callId=self.call)["type"])
        self.addCleanup(self.alice.ask, "call.hangup", callId=self.call)

    @classmethod
    def tearDownClass(cls):
        cls.alice.close()
        cls.bob.close()
        cls.server.close()

    def ask(self, method, path, body=None, type=SDP, user="studio", grants="bridge", **headers):
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if user:
            sent["Authorization"] = "Bearer " + self.server.token(user, grants)
        if body is not None and type:
            sent["Content-Type"] = type
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        connection.request(method, path, body, sent)
        response = connection.getresponse()
        self.headers, self.text = response.headers, response.read().decode()
        connection.close()
        if response.status >= 400 and method != "HEAD":
            self.assertEqual({"kind", "code", "message"}, set(json.loads(self.text)))
        return response.status

    # `path` without the call. The address of the session.
    def begin(self, path, name, **more):
        path = re.sub(r"^/\w+", lambda kind: f"{kind[0]}/{self.call}", path)
        self.assertEqual(201, self.ask("POST", path, offer(name), **more), self.text)
        return self.headers["Location"]

    def here(self):
        status, call = self.api(f"/api/v1/calls/{self.call}")
        self.assertEqual(200, status)
        return [p["profileId"] for p in call["participants"] if p["state"] != "left"]

    def api(self, path):
        status = self.ask("GET", path, grants="admin")
        return status, json.loads(self.text)

    def test_a_session_from_its_offer_to_its_end(self):
        session = self.begin("/whip", "chromium-guest-publish")
        self.assertRegex(session, rf"^/whip/{self.call}/[0-9a-f]{{24}}$")
        self.assertEqual(SDP, self.headers["Content-Type"])
        self.assertRegex(self.headers["ETag"], '^"[^"]+"$')
        self.assertEqual('<stun:stun.example.net:3478>; rel="ice-server"', self.headers["Link"])
        self.assertEqual("no-store", self.headers["Cache-Control"])
        for line in ("a=ice-lite", "a=setup:passive", "a=recvonly",
                     "m=audio 9 UDP/TLS/RTP/SAVPF 111", "m=video 9 UDP/TLS/RTP/SAVPF 96"):
            self.assertIn(line + "\r\n", self.text)
        self.assertRegex(self.text, r"a=candidate:1 1 udp \d+ \S+ \d+ typ host")
        answer, etag = self.text, self.headers["ETag"]

        # Candidates: nothing to say. New credentials: ours, and another tag.
        old = re.search(r"a=ice-ufrag:(\S+)", answer)[1]
        trickle = b"a=mid:0\r\na=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n"
        self.assertEqual(204, self.ask("PATCH", session, trickle, FRAGMENT, If_Match=etag))
        self.assertEqual("", self.text)
        restart = (b"a=ice-ufrag:new4\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n"
                   b"m=audio 9 X 0\r\na=mid:0\r\n")
        self.assertEqual(200, self.ask("PATCH", session, restart, FRAGMENT, If_Match="*"))
        self.assertEqual(FRAGMENT, self.headers["Content-Type"])
        self.assertNotEqual(etag, self.headers["ETag"])
        self.assertNotEqual(old, re.search(r"a=ice-ufrag:(\S+)", self.text)[1])
        self.assertEqual(412, self.ask("PATCH", session, trickle, FRAGMENT, If_Match=etag))
        self.assertEqual(428, self.ask("PATCH", session, trickle, FRAGMENT))
        self.assertEqual(415, self.ask("PATCH", session, trickle, SDP, If_Match="*"))
        self.assertEqual(400, self.ask("PATCH", session, b"nonsense", FRAGMENT, If_Match="*"))

        # Nobody else's, and gone when it is left.
        self.assertEqual(404, self.ask("DELETE", session, user="eve"))
        self.assertEqual(401, self.ask("DELETE", session, user=None))
        self.assertEqual(200, self.ask("DELETE", session))
        self.assertEqual(404, self.ask("DELETE", session))
        self.assertEqual(404, self.ask("PATCH", session, trickle, FRAGMENT, If_Match="*"))

    def test_watching_one_participant_and_the_mix(self):
        for path, name in (("/whep?profile=alice", "chromium-guest-watch"),
                           ("/whep?profile=bob", "firefox-guest-watch")):
            session = self.begin(path, name)
            self.assertTrue(session.startswith(f"/whep/{self.call}/"))
            self.assertEqual(2, self.text.count("a=sendonly\r\n"))
            self.assertEqual(2, self.text.count("a=msid:parley "))
            self.assertEqual(200, self.ask("DELETE", session))
        # Nobody hears of who watches.
        self.assertEqual({"alice", "bob"}, set(self.here()))
        self.assertEqual(404, self.ask("POST", f"/whep/{self.call}?profile=nobody",
                                       offer("chromium-guest-watch")))

    def test_one_gstreamer_client_sees_and_hears_the_other(self):
        url = f"http://127.0.0.1:{self.server.port}"
        publisher = Client("publish", f"{url}/whip/{self.call}", self.server.token("gst", "bridge"))
        self.addCleanup(publisher.kill)
        publisher.says("connected")
        until("the participant", lambda: "gst" in self.here())
        watcher = Client("watch", f"{url}/whep/{self.call}?profile=gst",
                         self.server.token("tv", "bridge"))
        self.addCleanup(watcher.kill)
        watcher.says("10 buffers of video/x-raw")
        watcher.says("10 buffers of audio/x-raw")
        # Without a profile, everybody in one picture.
        mix = Client("watch", f"{url}/whep/{self.call}", self.server.token("wall", "bridge"))
        self.addCleanup(mix.kill)
        mix.says("10 buffers of video/x-raw")
        mix.says("10 buffers of audio/x-raw")
        # It leaves: so does the participant.
        session = [s for s in publisher.said if s.startswith("session ")][0].split(url)[1]
        self.assertEqual(200, self.ask("DELETE", session, user="gst"))
        until("its end", lambda: "gst" not in self.here())

    def test_methods_that_have_no_place(self):
        session = self.begin("/whip", "firefox-guest-publish", user="methods")
        for method in ("GET", "HEAD", "PUT"):
            self.assertEqual(405, self.ask(method, f"/whip/{self.call}"))
            self.assertEqual("OPTIONS, POST", self.headers["Allow"])
            self.assertEqual(405, self.ask(method, session))
            self.assertEqual("OPTIONS, PATCH, DELETE", self.headers["Allow"])
        self.assertEqual(405, self.ask("POST", session, offer("firefox-guest-publish")))
        self.assertEqual(200, self.ask("DELETE", session, user="methods"))

    def test_offers_that_are_refused(self):
        good = offer("chromium-guest-publish")
        for status, body, more in (
                (415, good, {"type": "application/json"}),
                (415, good, {"type": None}),
                (400, b"", {}),
                (400, b"v=0\r\nwhat", {}),
                (400, good.replace(b"a=rtcp-mux\r\n", b""), {}),
                (406, offer("chromium-guest-watch"), {}),
                (406, good.replace(b"opus/48", b"speex/48").replace(b"/90000", b"/90001"), {}),
                (413, b"v" * 70000, {}),
                (401, good, {"user": None}),
                (403, good, {"grants": "record"})):
            self.assertEqual(status, self.ask("POST", f"/whip/{self.call}", body, **more),
                             (body[:40], more))
        self.assertEqual(403, self.ask("POST", f"/whip/{self.call}?profile=alice", good))
        self.assertEqual(404, self.ask("POST", "/whip/no-such-call", good))
        # There is somebody of that name already.
        self.assertEqual(409, self.ask("POST", f"/whip/{self.call}", good, user="alice"))

    def test_pages_of_other_origins(self):
        self.assertEqual(204, self.ask("OPTIONS", f"/whip/{self.call}", user=None, Origin=PAGE,
                                       Access_Control_Request_Method="POST"))
        self.assertEqual(PAGE, self.headers["Access-Control-Allow-Origin"])
        self.assertIn("POST", self.headers["Access-Control-Allow-Methods"])
        for name in ("Authorization", "Content-Type", "If-Match"):
            self.assertIn(name, self.headers["Access-Control-Allow-Headers"])
        self.assertEqual(SDP, self.headers["Accept-Post"])
        self.ask("POST", f"/whip/{self.call}", b"", Origin=PAGE)
        self.assertEqual(PAGE, self.headers["Access-Control-Allow-Origin"])
        self.assertIn("Location", self.headers["Access-Control-Expose-Headers"])
        self.assertEqual(204, self.ask("OPTIONS", f"/whip/{self.call}", user=None,
                                       Origin="https://evil.example"))
        self.assertIsNone(self.headers["Access-Control-Allow-Origin"])

    def test_a_session_ends_with_its_call(self):
        session = self.begin("/whip", "chromium-guest-publish", user="cam")
        self.alice.ask("call.hangup", callId=self.call)
        until("the end", lambda: self.ask("DELETE", session, user="cam") == 404)

    def test_nothing_secret_is_logged_and_answers_are_counted(self):
        session = self.begin("/whip", "chromium-guest-publish", user="quiet")
        ufrag = re.search(r"a=ice-pwd:(\S+)", self.text)[1]
        self.assertEqual(200, self.ask("DELETE", session, user="quiet"))
        for secret in (session.split("/")[-1], ufrag, self.server.token("quiet", "bridge")):
            self.assertNotIn(secret, self.server.log)
        self.assertIn('parley_whip_answers_total{status="201"}', self.server.get("/metrics"))


if __name__ == "__main__":
    CLIENT = sys.argv.pop(2)
    parleyd.main()
