#!/usr/bin/env python3
"""Every operation and every error of the HTTP API, asked of the real binary over sockets.

Each answer is held against docs/openapi.json: its status must be one the operation names, and its
body must be exactly what the schema of that status says.
"""
import base64
import http.client
import json
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import time
import unittest

from support import parleyd
from support.parleyd import OPENAPI, Device, Parleyd, check, until

EVERY_OPERATION = [
    ("GET", "/calls", None), ("GET", "/calls/x", None), ("DELETE", "/calls/x", None),
    ("PATCH", "/calls/x/participants/y", {"audio": True}),
    ("DELETE", "/calls/x/participants/y", None),
    ("POST", "/texts", {"from": "a", "to": "b", "body": "x"}),
    ("GET", "/profiles/x/chains", None), ("GET", "/chains/x/items", None),
    ("POST", "/tokens", {"userId": "x"}),
    ("POST", "/calls/x/recording", {}), ("DELETE", "/calls/x/recording", None),
    ("PUT", "/calls/x/mode", {"mode": "mix"}), ("GET", "/calls/x/bridges", None),
    ("POST", "/calls/x/bridges", {"direction": "out", "kind": "hls"}),
    ("DELETE", "/calls/x/bridges/y", None),
    ("GET", "/recordings", None), ("GET", "/recordings/x", None),
    ("DELETE", "/recordings/x", None), ("GET", "/recordings/x/files/y", None)]


def resolve(node):
    while "$ref" in node:
        target = OPENAPI
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        node = target
    return node


def operation_of(method, path):
    """The operation that answers this, and whether its path is there at all."""
    given = path.split("?")[0].split("/")
    for pattern, item in OPENAPI["paths"].items():
        wanted = pattern.split("/")
        if len(wanted) == len(given) and all(
                w == g or (w.startswith("{") and g) for w, g in zip(wanted, given)):
            return item.get(method.lower()), True
    return None, False


class Api:
    """Asks, and holds every answer against the description."""
    seen = set()  # (operationId, status)

    def __init__(self, server, token=None):
        self.server = server
        self.token = token or server.token("ops", "admin")

    def __call__(self, method, path, body=None, headers=None, raw=None):
        sent = {"Authorization": "Bearer " + self.token}
        if body is not None:
            raw = json.dumps(body).encode()
        if raw is not None:
            sent["Content-Type"] = "application/json"
        sent.update(headers or {})
        sent = {name: value for name, value in sent.items() if value is not None}
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        connection.request(method, "/api/v1" + path, raw, sent)
        response = connection.getresponse()
        text = response.read()
        connection.close()
        self.headers = response.headers
        self.check(method, path, response.status, text)
        if not text or response.headers["Content-Type"] != "application/json":
            return response.status, text or None
        return response.status, json.loads(text)

    def check(self, method, path, status, text):
        operation, known = operation_of(method, path)
        kept = "/files/" in path and status in (200, 206, 304, 416)
        assert self.headers["Cache-Control"] == ("private, no-cache" if kept else "no-store"), self.headers
        assert self.headers["Access-Control-Allow-Origin"] is None
        if operation is None:
            assert status in (401, 403, 404, 405, 411, 413), (method, path, status)
            check(json.loads(text), "Error")
            self.seen.add((None, status))
            return
        assert str(status) in operation["responses"], f"{method} {path}: {status} {text}"
        response = resolve(operation["responses"][str(status)])
        self.seen.add((operation["operationId"], status))
        for header in response.get("headers", {}):
            assert self.headers[header], f"{method} {path}: no {header}"
        if "content" not in response:
            assert text == b"", text
            return
        assert self.headers["Content-Type"] in response["content"]
        if "application/json" not in response["content"]:
            return
        schema = response["content"]["application/json"]["schema"]
        if "$ref" in schema:
            check(json.loads(text), schema["$ref"].split("/")[-1])


class Served(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Parleyd()
        cls.api = Api(cls.server)

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def fails(self, status, code, *request, **more):
        got, body = self.api(*request, **more)
        self.assertEqual((status, code), (got, body["code"]), body)

    def running_call(self, call, users):
        """A call of the first user to the second one, accepted."""
        caller, callee = (Device(self.server, user) for user in users)
        caller.ask("call.init", id=call, **{"from": users[0], "to": users[1]})
        callee.wait("call.init", callId=call)
        self.assertEqual("ok", callee.ask("call.ringing", callId=call)["type"])
        self.assertEqual("ok", callee.ask("call.accept", callId=call)["type"])
        self.addCleanup(caller.close)
        self.addCleanup(callee.close)
        return caller, callee

    def test_describes_itself_without_a_token(self):
        status, document = self.api("GET", "/openapi.json", headers={"Authorization": None})
        self.assertEqual((200, OPENAPI), (status, document))

    def test_lists_and_reads_live_calls_and_those_that_have_ended(self):
        caller, _ = self.running_call("live-1", ("l-a", "l-b"))
        status, page = self.api("GET", "/calls?profileId=l-b")
        self.assertEqual((200, ["live-1"]), (status, [c["callId"] for c in page["items"]]))
        status, call = self.api("GET", "/calls/live-1")
        self.assertEqual((200, "running", "l-a"), (status, call["state"], call["from"]))
        self.assertEqual({"l-a", "l-b"}, {p["profileId"] for p in call["participants"]})
        self.assertEqual("ok", caller.ask("call.hangup", callId="live-1")["type"])
        status, call = self.api("GET", "/calls/live-1")
        self.assertEqual((200, "ended", "completed"), (status, call["state"], call["reason"]))
        self.assertEqual([], self.api("GET", "/calls?profileId=l-b")[1]["items"])
        self.fails(404, "not_found", "GET", "/calls/never")
        self.fails(400, "bad_request", "GET", "/calls?limit=x")

    def test_ends_a_call(self):
        caller, callee = self.running_call("end-1", ("e-a", "e-b"))
        self.assertEqual(204, self.api("DELETE", "/calls/end-1")[0])
        for device in (caller, callee):
            self.assertEqual("kicked", device.wait("call.end", callId="end-1")["reason"])
        self.assertEqual("kicked", self.api("GET", "/calls/end-1")[1]["reason"])
        self.fails(404, "not_found", "DELETE", "/calls/end-1")
        self.fails(404, "not_found", "DELETE", "/calls/never")

    def test_mutes_and_removes_a_participant(self):
        caller, callee = self.running_call("kick-1", ("k-a", "k-b"))
        path = "/calls/kick-1/participants/k-b"
        self.assertEqual(204, self.api("PATCH", path, {"audio": False})[0])
        self.assertEqual(False, caller.wait("call.update", callId="kick-1")["audio"])
        call = self.api("GET", "/calls/kick-1")[1]
        self.assertEqual([False], [p["audio"] for p in call["participants"]
                                   if p["profileId"] == "k-b"])
        self.fails(400, "bad_request", "PATCH", path, {})
        self.fails(404, "not_found", "PATCH", "/calls/kick-1/participants/eve", {"audio": True})
        self.fails(404, "not_found", "DELETE", "/calls/kick-1/participants/eve")
        self.assertEqual(204, self.api("DELETE", path)[0])
        self.assertEqual("kicked",
                         callee.wait("call.end", callId="kick-1")["outcomes"]["k-b"])
        self.fails(404, "not_found", "DELETE", path)
        self.fails(404, "not_found", "PATCH", path, {"audio": True})

    def test_records_mixes_and_bridges(self):
        caller, callee = self.running_call("extra-1", ("x-a", "x-b"))
        base = "/calls/extra-1"
        status, begun = self.api("POST", base + "/recording", {"policy": "consent"})
        self.assertEqual((201, "extra-1"), (status, begun["callId"]))
        self.assertEqual("asking", callee.wait("call.recording", callId="extra-1")["state"])
        self.fails(409, "conflict", "POST", base + "/recording", {})
        self.fails(400, "bad_request", "POST", base + "/recording", {"layout": "mosaic"})
        call = self.api("GET", base)[1]
        self.assertEqual({"x-a": None, "x-b": None}, call["recording"]["consents"])
        self.assertEqual(204, self.api("DELETE", base + "/recording")[0])
        self.fails(409, "conflict", "DELETE", base + "/recording")

        self.assertEqual(204, self.api("PUT", base + "/mode",
                                       {"mode": "forward", "profileId": "x-a"})[0])
        self.fails(400, "bad_request", "PUT", base + "/mode", {})
        self.fails(404, "not_found", "PUT", base + "/mode", {"mode": "mix", "profileId": "eve"})

        secret = "rtmp://192.0.2.1/app/a-secret-key"
        # Its operator allows nothing.
        self.fails(403, "forbidden", "POST", base + "/bridges",
                   {"direction": "out", "kind": "rtmp", "url": secret})
        self.fails(400, "bad_request", "POST", base + "/bridges", {"direction": "out"})
        self.assertEqual([], self.api("GET", base + "/bridges")[1]["items"])
        self.fails(404, "not_found", "DELETE", base + "/bridges/nobody")
        hls = self.api("POST", base + "/bridges", {"direction": "out", "kind": "hls"})[1]
        status, page = self.api("GET", base + "/bridges")
        self.assertEqual((200, [hls["bridgeId"]]), (status, [b["bridgeId"] for b in page["items"]]))
        self.assertEqual(204, self.api("DELETE", base + "/bridges/" + hls["bridgeId"])[0])
        caller.wait("call.bridge", bridgeId=hls["bridgeId"], state="ended")
        self.assertNotIn("a-secret-key", self.server.log + json.dumps(caller.heard))
        for method, path, body in EVERY_OPERATION:
            if path.startswith("/calls/x/") and "participants" not in path:
                self.fails(404, "not_found", method, path, body)

    def test_lists_plays_and_deletes_recordings(self):
        folder = self.server.folder / "recordings" / "1970-01-01" / "rec"
        folder.mkdir(parents=True)
        (folder / "1.webm").write_bytes(b"0123456789")
        database = sqlite3.connect(self.server.folder / "calls.db")
        with database:
            database.execute("INSERT INTO recordings VALUES (1,'rec','k','tracks','webm','notify',"
                             "'a',5,'ended','',1500,9)")
            database.execute("INSERT INTO recording_parts VALUES (1,'1.webm','a','mic','opus',0,7,"
                             "10,1,0,'[{\"startMs\":1,\"durationMs\":2,\"why\":\"muted\"}]')")
        database.close()
        page = self.api("GET", "/recordings?call=k")[1]
        self.assertEqual((["rec"], False), ([r["recordingId"] for r in page["items"]], page["more"]))
        self.fails(400, "bad_request", "GET", "/recordings?limit=0")
        self.fails(404, "not_found", "GET", "/recordings?before=never")
        recording = self.api("GET", "/recordings/rec")[1]
        self.assertEqual((7, 10, 2), tuple(recording[k] for k in ("durationMs", "bytes", "offsetMs")))
        self.assertEqual([{"startMs": 1, "durationMs": 2, "why": "muted"}],
                         recording["files"][0]["gaps"])
        path = "/recordings/rec/files/1.webm"
        self.assertEqual((200, b"0123456789"), self.api("GET", path))
        self.assertEqual((206, b"345"), self.api("GET", path, headers={"Range": "bytes=3-5"}))
        self.assertEqual((416, None), self.api("GET", path, headers={"Range": "bytes=10-"}))
        self.assertEqual((304, None), self.api("GET", path, headers={"If-None-Match": self.api.headers["ETag"]}))
        with sqlite3.connect(self.server.folder / "calls.db") as database:
            database.execute("INSERT INTO recordings VALUES (2,'runs','k','tracks','webm','notify',"
                             "'a',5,'running','',NULL,NULL)")
        database.close()
        self.fails(409, "conflict", "DELETE", "/recordings/runs")
        self.assertEqual(204, self.api("DELETE", "/recordings/rec")[0])
        for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/files/1.webm")):
            self.fails(404, "not_found", method, "/recordings/rec" + path)

    def test_lets_who_is_in_a_call_do_what_a_grant_allows(self):
        self.running_call("grant-1", ("g-a", "g-b"))
        for user, status in (("g-a", 200), ("g-c", 404)):
            api = Api(self.server, self.server.token(user, "bridge"))
            self.assertEqual(status, api("GET", "/calls/grant-1/bridges")[0])
            self.assertEqual(403, api("PUT", "/calls/grant-1/mode", {"mode": "mix"})[0])
            self.assertEqual(403, api("GET", "/calls/grant-1")[0])

    def test_sends_texts_once_and_reads_them_back(self):
        bob = Device(self.server, "t-b")
        self.addCleanup(bob.close)
        text = {"id": "text-1", "from": "t-a", "to": ["t-b"], "body": "hello \u00e4\u2028"}
        status, first = self.api("POST", "/texts", text)
        self.assertEqual((201, "text-1"), (status, first["id"]))
        self.assertEqual((201, first), self.api("POST", "/texts", text))
        event = bob.wait("text", id="text-1")
        self.assertEqual((text["body"], first["at"]), (event["body"], event["at"]))
        chain = first["chainId"]
        for number in range(3):
            status, sent = self.api("POST", "/texts", {"from": "t-b", "chainId": chain,
                                                       "body": f"answer {number}"})
            self.assertEqual((201, chain), (status, sent["chainId"]))
        status, page = self.api("GET", f"/chains/{chain}/items?limit=2")
        self.assertEqual(["answer 1", "answer 2"], [item["body"] for item in page["items"]])
        self.assertEqual((200, True), (status, page["more"]))
        older = self.api("GET", f"/chains/{chain}/items?before={page['items'][0]['id']}")[1]
        self.assertEqual([text["body"], "answer 0"], [item["body"] for item in older["items"]])
        status, chains = self.api("GET", "/profiles/t-b/chains")
        self.assertEqual((200, [chain]), (status, [c["chainId"] for c in chains["items"]]))
        self.assertEqual({"t-a", "t-b"}, set(chains["items"][0]["members"]))
        self.assertEqual(1, sum(m["type"] == "text" and m["id"] == "text-1" for m in bob.heard))

    def test_refuses_texts_that_cannot_be(self):
        self.fails(400, "bad_request", "POST", "/texts", {"from": "a", "to": "b"})
        self.fails(404, "not_found", "POST", "/texts",
                   {"from": "a", "chainId": "never", "body": "x"})
        self.fails(413, "too_large", "POST", "/texts",
                   {"from": "a", "to": "b", "body": "x" * 8193})
        self.assertEqual(201, self.api("POST", "/texts",
                                       {"id": "taken", "from": "a", "to": "b", "body": "x"})[0])
        other = Api(self.server, self.server.token("other", "admin"))
        status, body = other("POST", "/texts", {"id": "taken", "from": "c", "to": "d", "body": "y"})
        self.assertEqual((409, "conflict"), (status, body["code"]))
        self.fails(404, "not_found", "GET", "/chains/never/items")
        self.fails(400, "bad_request", "GET", "/chains/never/items?limit=0")
        self.fails(400, "bad_request", "GET", "/profiles/x/chains?before=a+b")
        self.fails(404, "not_found", "GET", "/profiles/x/chains?before=never")

    def test_mints_tokens_that_work(self):
        status, token = self.api("POST", "/tokens", {"userId": "m-a", "profiles": ["m-p"]})
        self.assertEqual((201, ["m-p"]), (status, token["profiles"]))
        self.server.tokens["m-p", ""] = token["token"]
        device = Device(self.server, "m-p")
        self.addCleanup(device.close)
        self.assertEqual("m-a", device.wait("welcome")["userId"])
        status, _ = Api(self.server, token["token"])("GET", "/calls")
        self.assertEqual(403, status)
        self.fails(400, "bad_request", "POST", "/tokens", {})
        self.fails(403, "forbidden", "POST", "/tokens", {"userId": "x", "grants": ["record"]})

    def test_refuses_what_is_not_for_it(self):
        for headers, status, code in [
                ({"Authorization": None}, 401, "unauthorized"),
                ({"Authorization": "Bearer x.y.z"}, 401, "unauthorized"),
                ({"Authorization": "Bearer " + self.server.token("u")}, 403, "forbidden"),
                ({"Accept": "text/html"}, 406, "not_acceptable")]:
            for method, path, body in EVERY_OPERATION:
                self.fails(status, code, method, path, body, headers=headers)
        self.fails(406, "not_acceptable", "GET", "/openapi.json", headers={"Accept": "text/xml"})
        for method, path in [("POST", "/texts"), ("POST", "/tokens"),
                             ("PATCH", "/calls/x/participants/y"), ("PUT", "/calls/x/mode"),
                             ("POST", "/calls/x/recording"), ("POST", "/calls/x/bridges")]:
            self.fails(415, "unsupported_type", method, path, raw=b"{}",
                       headers={"Content-Type": "text/plain"})
            self.fails(413, "too_large", method, path, raw=b" " * 65537)
            self.fails(411, "length_required", method, path, raw=iter([b"{}"]))
        self.fails(404, "not_found", "GET", "/nothing")
        self.fails(405, "method_not_allowed", "PUT", "/calls")
        self.assertEqual("GET, HEAD", self.api.headers["Allow"])
        self.fails(405, "method_not_allowed", "OPTIONS", "/calls",
                   headers={"Origin": "https://app.example"})

    def test_is_not_there_for_others(self):
        self.assertIn("nothing here", self.raw("GET", "X-Forwarded-For: 192.0.2.1\r\n"))

    def raw(self, method, headers):
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=30) as connection:
            connection.sendall((f"{method} /api/v1/calls HTTP/1.1\r\nHost: x\r\n"
                                f"Authorization: Bearer {self.api.token}\r\n{headers}\r\n").encode())
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
        return answer.decode()

    def test_logs_no_token(self):
        self.api("GET", "/calls")
        self.fails(401, "unauthorized", "GET", "/calls", headers={"Authorization": "Bearer a.b.c"})
        self.assertNotIn("eyJ", self.server.log)
        self.assertNotIn("a.b.c", self.server.log)

    def test_counts_its_answers(self):
        before = self.server.metric('parley_api_answers_total{status="200"}')
        self.api("GET", "/calls")
        self.assertEqual(before + 1, self.server.metric('parley_api_answers_total{status="200"}'))


class Closed(unittest.TestCase):
    def test_mints_nothing_without_a_key_that_signs(self):
        folder = tempfile.mkdtemp(prefix="parleyd-test-")
        self.addCleanup(shutil.rmtree, folder)
        for command in ("openssl ecparam -name prime256v1 -genkey -noout -out private.pem",
                        "openssl ec -in private.pem -pubout -out public.pem"):
            subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
        server = Parleyd('[key "e"]\nalgorithm = ES256\npublic-key-file = public.pem\n', folder)
        self.addCleanup(server.close)
        api = Api(server, es256_token(folder))
        status, body = api("POST", "/tokens", {"userId": "x"})
        self.assertEqual((409, "conflict"), (status, body["code"]))

    def test_slows_down_who_asks_too_fast(self):
        server = Parleyd("[limits]\napi-requests-per-second = 1\napi-request-burst = 3\n")
        self.addCleanup(server.close)
        tokens = [server.token(user, "admin") for user in ("hasty", "patient")]
        for request in EVERY_OPERATION:
            until("429", lambda: Api(server, tokens[0])(*request)[0] == 429)
        self.assertEqual(200, Api(server, tokens[1])("GET", "/calls")[0])

    def test_is_off_when_it_is_switched_off(self):
        server = Parleyd(http="api = off\n")
        self.addCleanup(server.close)
        self.assertIn("nothing here", server.get("/api/v1/openapi.json"))


def es256_token(folder):
    def part(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=")
    claims = {"sub": "ops", "aud": "parley", "exp": int(time.time()) + 600,
              "grants": {"admin": True}}
    signed = part(b'{"alg":"ES256","kid":"e","typ":"JWT"}') + b"." + part(
        json.dumps(claims).encode())
    der = subprocess.run(["openssl", "dgst", "-sha256", "-sign", "private.pem"], cwd=folder,
                         input=signed, capture_output=True, check=True).stdout
    # SEQUENCE of two INTEGERs, each of which JOSE wants as 32 bytes (RFC 7518, 3.4).
    r_end = 4 + der[3]
    numbers = [der[4:r_end], der[r_end + 2:]]
    return (signed + b"." + part(b"".join(n.lstrip(b"\0").rjust(32, b"\0") for n in numbers))
            ).decode()


class Whole(unittest.TestCase):
    """Last, by its name: what the others have not seen was not held against the description."""

    def test_every_operation_and_every_status_was_seen(self):
        # Needs a disk that refuses, or a queue that is full: tests/admin/answers_test.cpp.
        rare = {503, 409}
        missing = []
        for path, item in OPENAPI["paths"].items():
            for method, operation in item.items():
                if method == "parameters":
                    continue
                for status in map(int, operation["responses"]):
                    if (operation["operationId"], status) not in Api.seen and status not in rare:
                        missing.append(f"{operation['operationId']} {status}")
        self.assertEqual([], missing)
        statuses = {status for _, status in Api.seen}
        self.assertLessEqual({200, 201, 204, 400, 401, 403, 404, 405, 406, 409, 411, 413, 415, 429},
                             statuses)


if __name__ == "__main__":
    parleyd.main()
