"""Recordings of a server that died: what is found at its next start, and over HTTP.

A file that was cut off is put where a recorder would have left it, and rows as the server would.
"""
import http.client
import json
import sqlite3
import subprocess
import unittest

from support import parleyd
from support.parleyd import Device, Parleyd, until

DAY = "2026-03-01"
BEGAN_MS = 1772323200000 + 5000  # that day
OLD_MS = 1262304000000 + 5000  # the first of 2010


class Served(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # More room than any disk has: none begins. Ten years: what is of 2010 goes.
        cls.server = Parleyd("[recordings]\nfolder = recordings\nretention-days = 3650\n"
                             "free-mb = 1000000000\n[jobs]\nmemory-mb = 100\n")
        cls.server.stop()
        folder = cls.server.folder / "recordings" / DAY / "rec-1"
        folder.mkdir(parents=True)
        cls.old = cls.server.folder / "recordings" / "2010-01-01" / "rec-0"
        cls.old.mkdir(parents=True)
        (cls.old / "001-01-opus-0001.webm").write_bytes(b"old")
        cls.whole = folder / "001-01-vp8-0001.webm"
        subprocess.run(["gst-launch-1.0", "-q", "videotestsrc", "num-buffers=100", "!",
                        "video/x-raw,width=160,height=120,framerate=25/1", "!", "vp8enc",
                        "deadline=1", "!", "webmmux", "!", "filesink", f"location={cls.whole}"],
                       check=True)
        data = cls.whole.read_bytes()
        cls.whole.write_bytes(data[:len(data) * 3 // 4])  # as a writer that was killed leaves it
        (cls.server.folder / "secret-file").write_text("not to be had")
        database = sqlite3.connect(cls.server.folder / "calls.db")
        with database:
            database.execute("INSERT INTO items (seq, id, chain, at_ms) VALUES (900,'k1',900,1)")
            database.execute("INSERT INTO calls (item, audio, video, ended_ms) VALUES (900,1,1,9)")
            for position, profile, accepted in ((0, "alice", None), (1, "bob", 5), (2, "eve", None)):
                database.execute(
                    "INSERT INTO participants (call, profile, position, accepted_ms)"
                    " VALUES (900,?,?,?)", (profile, position, accepted))
            database.execute(
                "INSERT INTO recordings (seq, id, call, layout, format, policy, by_whom, began_ms)"
                " VALUES (1,'rec-1','k1','tracks','webm','notify','alice',?)", (BEGAN_MS,))
            database.execute(
                "INSERT INTO recordings (seq, id, call, layout, format, policy, by_whom, began_ms,"
                " over_ms, state) VALUES (2,'rec-0','k1','tracks','webm','notify','alice',?,?,'ended')",
                (OLD_MS, OLD_MS + 1000))
            for file in ("001-01-vp8-0001.webm", "../../secret-file"):
                database.execute(
                    "INSERT INTO recording_parts VALUES (1,?,'alice','camera','vp8',0,0,0,0,0,'[]')",
                    (file,))
        database.close()
        cls.server.port = None
        cls.server.start()
        until("the recovery", lambda: cls.get("/recordings/rec-1")[1]["files"][0]["recovered"])

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    @classmethod
    def ask(cls, method, path, token="admin", user="ops", headers=None, text=None):
        sent = dict(headers or {})
        if token:
            sent["Authorization"] = "Bearer " + cls.server.token(user, token)
        connection = http.client.HTTPConnection("127.0.0.1", cls.server.port, timeout=30)
        connection.request(method, path, text, sent)
        response = connection.getresponse()
        body = response.read()
        connection.close()
        return response, body

    @classmethod
    def get(cls, path, **more):
        response, body = cls.ask("GET", "/api/v1" + path, **more)
        return response.status, json.loads(body)

    def test_1_what_was_cut_off_is_marked_and_measured(self):
        status, recording = self.get("/recordings/rec-1")
        self.assertEqual((200, "failed", "the server stopped"),
                         (status, recording["state"], recording["message"]))
        file = next(f for f in recording["files"] if "vp8" in f["file"])
        self.assertTrue(file["closed"] and file["recovered"])
        self.assertEqual(self.whole.stat().st_size, file["bytes"])
        self.assertGreater(file["durationMs"], 1000)
        self.assertLess(file["durationMs"], 4000)

    def test_2_only_who_was_in_the_call_may(self):
        for user, grant, status in (("bob", "record", 200), ("alice", "record", 200),
                                    ("eve", "record", 404), ("bob", "mix", 403)):
            self.assertEqual(status, self.get("/recordings/rec-1", user=user, token=grant)[0], user)
        self.assertEqual(1, len(self.get("/recordings?call=k1", user="bob", token="record")[1]["items"]))
        self.assertEqual([], self.get("/recordings", user="eve", token="record")[1]["items"])
        self.assertEqual(401, self.get("/recordings", token=None)[0])
        self.assertEqual(404, self.ask("DELETE", "/api/v1/recordings/rec-1", "record", "eve")[0].status)

    def test_3_files_come_whole_and_in_pieces_by_their_ticket(self):
        files = self.get("/recordings/rec-1")[1]["files"]
        url = next(f for f in files if "vp8" in f["file"])["url"]
        data = self.whole.read_bytes()
        size = len(data)

        def piece(span, method="GET", **more):
            more = {key.replace("_", "-"): value for key, value in more.items()}
            response, body = self.ask(method, url, None,
                                      headers={**more, **({"Range": span} if span else {})})
            return response.status, response.headers["Content-Range"], body, response
        for span, status, first, last in (
                (None, 200, 0, size), ("bytes=0-99", 206, 0, 100), ("bytes=100-", 206, 100, size),
                ("bytes=-50", 206, size - 50, size), (f"bytes=5-{size * 2}", 206, 5, size),
                (f"bytes=7-{10 ** 30}", 206, 7, size), (f"bytes=-{10 ** 30}", 206, 0, size),
                ("bytes=0-9,20-29", 200, 0, size), ("bytes=9-3", 200, 0, size),
                ("apples=1-2", 200, 0, size)):
            got, content, body, response = piece(span)
            self.assertEqual((status, data[first:last]), (got, body), span)
            self.assertEqual("video/webm", response.headers["Content-Type"])
            if status == 206:
                self.assertEqual(f"bytes {first}-{last - 1}/{size}", content)
        for beyond in (f"bytes={size}-", f"bytes={10 ** 30}-", "bytes=-0"):
            self.assertEqual((416, f"bytes */{size}", b""), piece(beyond)[:3], beyond)
        # Only GET asks for pieces (RFC 9110, 14.2).
        got, _, body, response = piece("bytes=0-99", "HEAD")
        self.assertEqual((200, b"", str(size)), (got, body, response.headers["Content-Length"]))
        name = 'filename="001-01-vp8-0001.webm"'
        self.assertEqual("inline; " + name, response.headers["Content-Disposition"])
        self.assertEqual("private, no-cache", response.headers["Cache-Control"])
        # A download that goes on, and one that was begun of something else.
        etag = response.headers["ETag"]
        self.assertEqual((206, data[9:]), piece("bytes=9-", If_Range=etag)[0:3:2])
        self.assertEqual((200, data), piece("bytes=9-", If_Range='"other"')[0:3:2])
        self.assertEqual((304, b""), piece(None, If_None_Match=f'"other", {etag}')[0:3:2])
        response, body = self.ask("GET", url + "&download=1", None)
        self.assertEqual((200, data, "attachment; " + name),
                         (response.status, body, response.headers["Content-Disposition"]))
        self.assertEqual(data, self.ask("GET", url.split("?")[0])[1])  # by a token
        for wrong in (url[:-1] + ("0" if url[-1] != "0" else "1"), url.split(".webm")[0] + ".webm",
                      url.replace("ticket=", "ticket=9"), url.replace("rec-1", "rec-0"),
                      url.replace("-0001", "-0002"), url + "&download=2", url + "&x=1"):
            self.assertEqual(401, self.ask("GET", wrong, None)[0].status, wrong)

    def test_4_no_name_leads_out_of_the_folder(self):
        for name in ("..%2F..%2Fsecret-file", "../../secret-file", "..", "x", "%2e%2e"):
            response, body = self.ask("GET", "/api/v1/recordings/rec-1/files/" + name)
            self.assertIn(response.status, (400, 404, 405), name)
            self.assertNotIn(b"not to be had", body)

    def test_5_is_deleted_with_its_files(self):
        # Who plays one of them, longer than what sockets hold, reads on to its end.
        with open(self.whole, "ab") as file:
            file.write(bytes(range(256)) * 65536)
        size = self.whole.stat().st_size
        files = self.get("/recordings/rec-1")[1]["files"]
        url = next(f for f in files if "vp8" in f["file"])["url"]
        player = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        self.addCleanup(player.close)
        player.request("GET", url)
        playing = player.getresponse()
        self.assertEqual((200, 1000), (playing.status, len(playing.read(1000))))
        self.assertEqual(204, self.ask("DELETE", "/api/v1/recordings/rec-1", "record", "bob")[0].status)
        self.assertFalse(self.whole.parent.exists())
        self.assertEqual(404, self.get("/recordings/rec-1")[0])
        self.assertTrue((self.server.folder / "secret-file").exists())
        rest = playing.read()
        self.assertEqual((size - 1000, bytes(range(256))), (len(rest), rest[-256:]))

    def test_6_what_is_too_old_is_deleted_at_the_start(self):
        until("the row's end", lambda: self.get("/recordings/rec-0")[0] == 404)
        self.assertFalse(self.old.exists())

    def test_7_without_room_on_the_disk_or_in_memory_jobs_fail_alone(self):
        alice, bob = Device(self.server, "alice"), Device(self.server, "bob")
        self.addCleanup(alice.close)
        self.addCleanup(bob.close)
        alice.ask("call.init", id="k2", **{"from": "alice", "to": "bob"})
        bob.wait("call.init", callId="k2")
        bob.ask("call.accept", callId="k2")
        answer, _ = self.ask("POST", "/api/v1/calls/k2/recording",
                             headers={"Content-Type": "application/json"}, text="{}")
        self.assertIn(answer.status, (200, 201))
        failed = bob.wait("call.recording", callId="k2", state="failed")
        self.assertRegex(failed["message"],
                         r"has \d+ MiB left, and a recording does not begin with less than 1000000000 MiB")
        # 100 MB are too few for an encoder.
        self.ask("POST", "/api/v1/calls/k2/bridges", headers={"Content-Type": "application/json"},
                 text='{"direction": "out", "kind": "hls"}')
        self.assertTrue(bob.wait("call.bridge", callId="k2", state="failed")["message"])
        self.assertEqual("ok", alice.ask("call.hangup", callId="k2")["type"])


if __name__ == "__main__":
    parleyd.main()
