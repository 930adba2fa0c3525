#!/usr/bin/env python3
"""call.bridge through the real binary: a live call sent to real servers and players, and what real
servers send brought into one, with some of them stalled, killed and come back."""
import http.client
import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest

from support import parleyd
from support.parleyd import ROOT, Device, Parleyd, until

KEY, PASSPHRASE = "sekretkey", "sekretpassphrase"
MEDIA = "media-timeout = 300s\n"  # only guests have media here


def free_port(more=0):
    """An even port that nobody has, nor any of the `more` behind it, of TCP and UDP."""
    while True:
        first = 20000 + 2 * (int.from_bytes(os.urandom(2), "big") % 6000)
        held = []
        try:
            for port in range(first, first + more + 1):
                for type in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                    held.append(socket.socket(socket.AF_INET, type))
                    held[-1].bind(("127.0.0.1", port))
            return first
        except OSError:
            pass
        finally:
            for one in held:
                one.close()


def is_listening(port):
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


class Running:
    """A program beside the test; every line it says is in `said`, unless it goes `into` a file."""

    def __init__(self, *arguments, into=None, **environment):
        self.said = []
        self.process = subprocess.Popen([str(a) for a in arguments], stdin=subprocess.DEVNULL,
                                        stdout=into or subprocess.PIPE,
                                        stderr=None if into else subprocess.STDOUT, text=True,
                                        env=os.environ | environment)
        if into:
            return
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for line in self.process.stdout:
            self.said.append(line.strip())
        self.process.stdout.close()

    def says(self, pattern):
        try:
            return until(pattern, lambda: next(
                (found for found in map(re.compile(pattern).match, self.said) if found), None))
        except AssertionError as error:
            raise AssertionError(f"{error} of {self.process.args}: {self.said[-9:]}") from None

    def ends(self):
        until(f"the end of {self.process.args[0]}", lambda: self.process.poll() is not None)

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.process.kill()
        self.process.wait()


class Bridge:
    """One of a call's, as its participants hear of it."""

    def __init__(self, test, direction, kind, **more):
        self.test, self.kind, self.seen = test, kind, 0
        if direction == "out":
            answer = test.alice.ask("call.bridge", callId=test.call, action="start",
                                    direction=direction, kind=kind, **more)
            test.assertEqual("ok", answer["type"], answer)
        else:
            status, answer = test.api("POST", f"/calls/{test.call}/bridges",
                                      {"direction": direction, "kind": kind, **more})
            test.assertEqual(201, status, answer)
        self.id = answer["bridgeId"]

    def story(self):
        return [event for event in self.test.bob.heard
                if event["type"] == "call.bridge" and event.get("bridgeId") == self.id]

    def becomes(self, state):
        """Waits for the next event of this state, after those that were waited for before."""
        def find():
            for at, event in enumerate(self.story()):
                if at >= self.seen and event["state"] == state:
                    self.seen = at + 1
                    return event
            return None
        try:
            event = until(f"{self.kind} to be {state}", find)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.story()}") from None
        for name in ("url", "passphrase"):
            self.test.assertNotIn(name, event)
        return event

    def listed(self):
        items = self.test.api("GET", f"/calls/{self.test.call}/bridges")[1]["items"]
        return next((item for item in items if item["bridgeId"] == self.id), None)

    def stop(self):
        answer = self.test.alice.ask("call.bridge", callId=self.test.call, action="stop",
                                     bridgeId=self.id)
        self.test.assertEqual("ok", answer["type"], answer)


class Served(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="parley-bridges-"))
        (cls.folder / "www").mkdir()
        cls.film = cls.folder / "www/film.mp4"
        subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=size=160x90:rate=15",
                        "-f", "lavfi", "-i", "sine=sample_rate=48000", "-t", "12", "-c:v", "libx264",
                        "-preset", "ultrafast", "-g", "15", "-pix_fmt", "yuv420p", "-c:a", "aac",
                        cls.film], check=True)
        # libnice, of the GStreamer client, sends nothing to the loopback address.
        cls.server = Parleyd(
            f"[limits]\n{MEDIA}[jobs]\nprogram = {JOB}\n[bridges]\nprivate-addresses = true\n"
            "allow = rtmp://127.0.0.1:*; rtmps://127.0.0.1:*; srt://127.0.0.1; rtp://127.0.0.1; rtsp://127.0.0.1:*; "
            f"http://127.0.0.1:*\nsource-folder = {cls.folder}/www\n", media="")
        cls.alice, cls.bob = Device(cls.server, "alice", "bridge"), Device(cls.server, "bob")
        cls.rtmp, cls.srt, cls.rtp = free_port(), free_port(), free_port(3)
        (cls.folder / "nginx.conf").write_text(
            "load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;\ndaemon off;\n"
            f"master_process off; error_log {cls.folder}/error.log; pid {cls.folder}/nginx.pid;\n"
            f"events {{}}\nrtmp {{ server {{ listen 127.0.0.1:{cls.rtmp};\n"
            "application live { live on; } } }\n")
        cls.start_nginx()

    @classmethod
    def tearDownClass(cls):
        cls.nginx.kill()
        cls.alice.close()
        cls.bob.close()
        cls.server.close()
        shutil.rmtree(cls.folder)

    @classmethod
    def start_nginx(cls):
        cls.nginx = Running("/usr/sbin/nginx", "-p", cls.folder, "-c", cls.folder / "nginx.conf")
        until("nginx", lambda: is_listening(cls.rtmp))

    def run_beside(self, *arguments, **more):
        started = Running(*arguments, **more)
        self.addCleanup(started.kill)
        return started

    def setUp(self):
        self.call = self._testMethodName
        self.alice.ask("call.init", id=self.call, **{"from": "alice", "to": "bob"})
        self.bob.wait("call.init", callId=self.call)
        self.assertEqual("ok", self.bob.ask("call.accept", callId=self.call)["type"])
        self.addCleanup(self.alice.ask, "call.hangup", callId=self.call)

    def api(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        connection.request(method, "/api/v1" + path, json.dumps(body) if body is not None else None,
                           {"Authorization": "Bearer " + self.server.token("ops", "admin"),
                            "Content-Type": "application/json"})
        response = connection.getresponse()
        text = response.read()
        connection.close()
        return response.status, json.loads(text) if text else None

    def participants(self):
        return {p["profileId"]: p for p in self.api("GET", f"/calls/{self.call}")[1]["participants"]
                if p["state"] != "left"}

    def guest(self, what, path, user):
        client = self.run_beside(WHIP_CLIENT, what,
                                 f"http://127.0.0.1:{self.server.port}/{path}", "150",
                                 TOKEN=self.server.token(user, "bridge"))
        return client

    def takes(self, file, *input):
        """Both streams of what a player took: what they are, and that they advance."""
        file = self.folder / file
        if input:
            subprocess.run(["ffmpeg", "-v", "error", "-y", *input, "-t", "4", "-c", "copy", file],
                           check=True, timeout=parleyd.WAIT_S)
        said = json.loads(subprocess.run(
            ["ffprobe", "-v", "error", "-of", "json", "-show_entries",
             "stream=codec_name,codec_type,width,height:packet=codec_type,pts_time,flags", file],
            capture_output=True, text=True, check=True).stdout)
        streams = {s["codec_type"]: s for s in said["streams"]}
        self.assertEqual(("h264", "aac", (1280, 720)),
                         (streams["video"]["codec_name"], streams["audio"]["codec_name"],
                          (streams["video"]["width"], streams["video"]["height"])))
        for kind in ("video", "audio"):
            times = [float(p["pts_time"]) for p in said["packets"]
                     if p["codec_type"] == kind and "pts_time" in p]
            self.assertGreater(len(times), 15, (file, kind))
            self.assertGreater(max(times) - min(times), 1, (file, kind))
        # Who begins to watch waits for no more than the next key frame.
        keys = [float(p["pts_time"]) for p in said["packets"] if p["codec_type"] == "video"
                and "pts_time" in p and "K" in p["flags"]]
        waits = [later - key for key, later in zip(keys, keys[1:] + [max(times)])]
        self.assertLess(max(waits), 4, (file, keys))

    def no_secret_is_told(self):
        told = json.dumps(self.alice.heard + self.bob.heard) + self.server.log
        told += json.dumps(self.api("GET", f"/calls/{self.call}"))
        told += json.dumps(self.api("GET", f"/calls/{self.call}/bridges"))
        for secret in (KEY, PASSPHRASE, str(self.rtmp), str(self.srt)):
            self.assertNotIn(secret, told)

    # ---- out --------------------------------------------------------------------------------

    def listen_srt(self, file):
        with open(self.folder / file, "wb") as into:
            return self.run_beside("srt-live-transmit", "-q", f"srt://127.0.0.1:{self.srt}?mode="
                                   f"listener&passphrase={PASSPHRASE}", "file://con", into=into)

    def test_out(self):
        self.guest("publish", f"whip/{self.call}?profile=carol", "carol").says("connected")
        # Who plays RTP has a description of it.
        sdp = (ROOT / "docs/bridging.sdp").read_text()
        sdp = sdp.replace("5004", str(self.rtp)).replace("5006", str(self.rtp + 2))
        (self.folder / "call.sdp").write_text(sdp)
        player = self.run_beside("ffmpeg", "-v", "error", "-protocol_whitelist", "file,udp,rtp",
                                 "-i", self.folder / "call.sdp", "-t", "2", "-c", "copy", "-y",
                                 self.folder / "rtp.mkv")
        listener = self.listen_srt("srt.ts")
        outs = [Bridge(self, "out", "rtmp", url=f"rtmp://127.0.0.1:{self.rtmp}/live/{KEY}"),
                Bridge(self, "out", "srt", only="carol",
                       url=f"srt://127.0.0.1:{self.srt}?passphrase={PASSPHRASE}"),
                Bridge(self, "out", "rtp", only="carol", url=f"rtp://127.0.0.1:{self.rtp}")]
        to_rtmp, to_srt, to_rtp = outs
        for bridge in outs:
            bridge.becomes("starting")
        for bridge in outs:
            bridge.becomes("live")
            self.assertEqual("live", bridge.listed()["state"])
        self.takes("rtmp.mkv", "-i", f"rtmp://127.0.0.1:{self.rtmp}/live/{KEY}")
        player.ends()
        self.takes("rtp.mkv")

        # Both servers die, and come back.
        self.nginx.kill()
        listener.kill()
        self.takes("srt.ts")
        for bridge in (to_rtmp, to_srt):
            self.assertTrue(bridge.becomes("reconnecting")["message"])
            self.assertEqual("reconnecting", bridge.listed()["state"])
        self.start_nginx()
        self.listen_srt("srt2.ts")
        for bridge in (to_rtmp, to_srt):
            bridge.becomes("live")
        self.takes("rtmp.mkv", "-i", f"rtmp://127.0.0.1:{self.rtmp}/live/{KEY}")
        self.assertEqual(["starting", "live"], [event["state"] for event in to_rtp.story()])
        for bridge in outs:
            bridge.stop()
        for bridge in outs:
            bridge.becomes("ended")
            self.assertIsNone(bridge.listed())
        self.takes("srt2.ts")
        self.no_secret_is_told()

    def test_what_is_not_allowed_is_refused_at_once(self):
        for code, kind, url, right in (
                ("forbidden", "srt", "srt://10.1.2.3:9000", "'allow' in [bridges]"),
                ("forbidden", "srt", "srt://169.254.1.1:9000", "no setting allows"),
                ("forbidden", "rtmp", f"rtmp://127.0.0.1:{self.server.port}/a/b", "itself"),
                ("bad_request", "rtmp", "http://127.0.0.1/a/b", "rtmp://host/app/key")):
            answer = self.alice.ask("call.bridge", callId=self.call, action="start",
                                    direction="out", kind=kind, url=url)
            self.assertEqual(code, answer.get("code"), answer)
            self.assertIn(right, answer["message"])
            status, same = self.api("POST", f"/calls/{self.call}/bridges",
                                    {"direction": "out", "kind": kind, "url": url})
            self.assertEqual(({"forbidden": 403, "bad_request": 400}[code], answer["message"]),
                             (status, same["message"]))
        answer = self.alice.ask("call.bridge", callId=self.call, action="start", direction="in",
                                kind="file", url="file:no.mp4")
        self.assertEqual("not_found", answer.get("code"), answer)
        self.assertEqual([], self.api("GET", f"/calls/{self.call}/bridges")[1]["items"])

    def serve_tls(self):
        """A server whose certificate nobody has signed. Its port."""
        names = [self.folder / name for name in ("certificate.pem", "key.pem")]
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=here",
                        "-addext", "subjectAltName=IP:127.0.0.1", "-out", names[0], "-keyout",
                        names[1]], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*names)
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)

        def serve():
            while True:
                try:
                    came, _ = listener.accept()
                except OSError:
                    return  # closed
                try:
                    context.wrap_socket(came, server_side=True)
                except OSError:
                    pass  # it has hung up
        threading.Thread(target=serve, daemon=True).start()
        return listener.getsockname()[1]

    def test_a_certificate_that_nobody_has_signed_is_not_trusted(self):
        port = self.serve_tls()
        for direction in ("out", "in"):
            bridge = Bridge(self, direction, "rtmp", url=f"rtmps://127.0.0.1:{port}/live/{KEY}")
            self.assertIn("certificate", bridge.becomes("reconnecting")["message"])
            bridge.stop()
            bridge.becomes("ended")

    # ---- in ---------------------------------------------------------------------------------

    def play(self, format, *to):
        return self.run_beside("ffmpeg", "-v", "error", "-re", "-stream_loop", "-1", "-i", self.film,
                               "-c", "copy", "-f", format, *to)

    def serve_playlist(self):
        """The film as one long segment over HTTP: a server's usual ones are of several seconds."""
        folder = self.folder / "www"
        subprocess.run(["ffmpeg", "-v", "error", "-stream_loop", "1", "-i", self.film, "-c", "copy",
                        "-f", "hls", "-hls_time", "24", "-hls_list_size", "0",
                        folder / "film.m3u8"], check=True)

        class Quiet(http.server.SimpleHTTPRequestHandler):
            def log_message(self, *_):
                pass
        server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), lambda *a: Quiet(*a, directory=folder))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return f"http://127.0.0.1:{server.server_port}/film.m3u8?token={KEY}"

    def test_in(self):
        playlist = self.serve_playlist()
        camera = self.run_beside(CAMERA)
        port = camera.says(r"(\d+)")[1]
        publisher = self.play("flv", f"rtmp://127.0.0.1:{self.rtmp}/live/{KEY}")
        self.play("mpegts", f"srt://127.0.0.1:{self.srt}?mode=listener&passphrase={PASSPHRASE}")
        ins = {kind: Bridge(self, "in", kind, url=url, **more) for kind, url, more in (
            ("file", "file:film.mp4", {}),
            ("rtmp", f"rtmp://127.0.0.1:{self.rtmp}/live/{KEY}", {"profileId": "studio"}),
            ("srt", f"srt://127.0.0.1:{self.srt}?passphrase={PASSPHRASE}", {}),
            ("rtsp", f"rtsp://127.0.0.1:{port}/camera", {}),
            ("hls", playlist, {}))}
        names = {kind: "studio" if kind == "rtmp" else f"{kind}-1" for kind in ins}
        watchers = {}
        for kind, bridge in ins.items():
            self.assertEqual(names[kind], bridge.becomes("live")["profileId"])
            here = until(f"{kind} to take part", lambda name=names[kind]: self.participants().get(name))
            self.assertEqual(("active", bridge.id), (here["state"], here["bridge"]))
            watchers[kind] = self.guest("watch", f"whep/{self.call}?profile={names[kind]}",
                                        "tv")
        for kind, watcher in watchers.items():
            for media in ("video", "audio"):
                early = watcher.says(rf"10 buffers of {media}/x-raw, ([\d.]+) s")
                late = watcher.says(rf"50 buffers of {media}/x-raw, ([\d.]+) s")
                took = float(late[1]) - float(early[1])
                self.assertGreater(took, 0.3, (kind, media))
                if kind == "hls":  # it goes on without a gap as long as its segment
                    self.assertLess(took, 15, media)

        # One stands still and goes on; others are killed: the call goes on.
        publisher.signal(signal.SIGSTOP)
        camera.kill()
        self.assertTrue(ins["rtsp"].becomes("reconnecting")["message"])
        ins["rtmp"].becomes("reconnecting")
        publisher.signal(signal.SIGCONT)
        ins["rtmp"].becomes("live")
        ins["file"].becomes("ended")
        until("the file to leave", lambda: "file-1" not in self.participants())
        self.run_beside(CAMERA, port).says(port)
        ins["rtsp"].becomes("live")
        del ins["file"]
        for bridge in ins.values():
            bridge.stop()
        for bridge in ins.values():
            bridge.becomes("ended")
        until("everybody else to leave", lambda: set(self.participants()) == {"alice", "bob"})
        self.no_secret_is_told()


if __name__ == "__main__":
    JOB, WHIP_CLIENT, CAMERA = (sys.argv.pop(2) for _ in range(3))
    parleyd.main()
