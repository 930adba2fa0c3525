#!/usr/bin/env python3
"""Webhooks of the real binary, to an endpoint that fails in every way an endpoint can."""
import collections
import hashlib
import hmac
import http.server
import json
import ssl
import subprocess
import threading
import time
import unittest

from support import parleyd
from support.parleyd import Device, Parleyd, check, until

SECRET = b"w" * 40
SCHEMAS = {"call.unheard": "CallUnheard", "call.started": "CallStarted",
           "call.ended": "CallEnded", "text.unheard": "TextUnheard"}


class Endpoint:
    """Takes what is posted. `plan` says what to answer: statuses, or functions of the handler."""

    def __init__(self, certificate=None):
        self.requests = []  # (headers, body as it came)
        self.plan = collections.deque()
        self.otherwise = 204
        endpoint = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                endpoint.requests.append((self.headers, body))
                answer = endpoint.plan.popleft() if endpoint.plan else endpoint.otherwise
                if callable(answer):
                    return answer(self)
                self.send_response(answer)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.block_on_close = False
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.scheme = "https" if certificate else "http"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self):
        return f"{self.scheme}://127.0.0.1:{self.server.server_address[1]}/hook/SECRETPATH?k=SECRETKEY"

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def notices(self, type=None):
        """What was taken, each checked: schema, headers, signature."""
        found = []
        for headers, body in list(self.requests):
            notice = json.loads(body)
            check(notice, SCHEMAS[notice["type"]])
            assert headers["Content-Type"] == "application/json"
            assert headers["User-Agent"].startswith("parleyd/"), headers["User-Agent"]
            assert (headers["Parley-Event"], headers["Parley-Delivery"]) == (notice["type"],
                                                                             notice["id"])
            assert verify(headers["Parley-Signature"], body, SECRET)
            if type in (None, notice["type"]):
                found.append(notice)
        return found

    def wait(self, n, type=None):
        until(f"{n} of {type}", lambda: len(self.notices(type)) >= n)
        return self.notices(type)


def verify(header, body, secret):
    parts = [part.split("=", 1) for part in header.split(",")]
    at = dict(parts)["t"]
    if abs(time.time() * 1000 - int(at)) > 300_000:
        return False
    wanted = hmac.new(secret, at.encode() + b"." + body, hashlib.sha256).hexdigest()
    return any(name == "v1" and hmac.compare_digest(value, wanted) for name, value in parts)


def stall(handler):
    handler.server.stalled = True
    time.sleep(parleyd.WAIT_S)


def hang_up(handler):
    handler.connection.close()


def half(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"half")
    handler.wfile.flush()
    time.sleep(parleyd.WAIT_S)


class Webhooks(unittest.TestCase):
    def setUp(self):
        self.endpoint = Endpoint()
        self.addCleanup(lambda: self.endpoint.close())

    def serve(self, more="", endpoint=None):
        server = Parleyd(f"[webhooks]\nurl = {(endpoint or self.endpoint).url()}\n"
                         f"secret-file = webhook.secret\n{more}")
        self.addCleanup(server.close)
        return server

    def call(self, server, call, caller, callee):
        """Rings, is accepted, and is hung up."""
        a, b = Device(server, caller), Device(server, callee)
        a.ask("call.init", id=call, **{"from": caller, "to": callee})
        b.wait("call.init", callId=call)
        self.assertEqual("ok", b.ask("call.ringing", callId=call)["type"])
        self.assertEqual("ok", b.ask("call.accept", callId=call)["type"])
        self.assertEqual("ok", a.ask("call.hangup", callId=call)["type"])
        a.wait("call.end", callId=call)
        a.close()
        b.close()

    def text(self, server, id, to="nobody"):
        """A text to somebody who is not there: one notice."""
        device = Device(server, "writer")
        self.assertEqual("ok", device.ask("text", id=id, to=to, body="hello",
                                          **{"from": "writer"})["type"])
        device.close()

    def test_tells_of_a_call_in_order(self):
        server = self.serve()
        self.call(server, "c1", "alice", "bob")
        started, ended = self.endpoint.wait(2)
        self.assertEqual(["call.started", "call.ended"], [started["type"], ended["type"]])
        self.assertEqual(("c1", "alice", ["bob"]), tuple(
            started["data"][name] for name in ("callId", "from", "to")))
        self.assertEqual(("c1", "alice", "completed"), tuple(
            ended["data"][name] for name in ("callId", "from", "reason")))
        self.assertEqual({"alice": "completed", "bob": "completed"}, ended["data"]["outcomes"])
        self.assertNotEqual(started["id"], ended["id"])
        self.assertEqual(0, server.metric("parley_webhooks_waiting"))

    def test_tells_of_a_call_that_rings_for_nobody(self):
        server = self.serve()
        alice = Device(server, "alice")
        self.addCleanup(alice.close)
        alice.ask("call.init", id="c2", to="asleep", **{"from": "alice"})
        unheard = self.endpoint.wait(1, "call.unheard")[0]["data"]
        self.assertEqual(("c2", "alice", "asleep"),
                         (unheard["callId"], unheard["from"], unheard["profileId"]))
        self.assertGreater(unheard["until"], time.time() * 1000 + 10_000)
        # Who is woken by it may take the call.
        asleep = Device(server, "asleep")
        self.addCleanup(asleep.close)
        self.assertEqual("ok", asleep.ask("call.accept", callId="c2")["type"])

    def test_tells_of_a_text_to_somebody_who_is_not_there(self):
        server = self.serve()
        self.text(server, "t1")
        data = self.endpoint.wait(1)[0]["data"]
        self.assertEqual(("t1", "writer", "hello", ["nobody"]), tuple(
            data[name] for name in ("textId", "from", "body", "profileIds")))

    def test_tries_again_what_fails_in_whatever_way(self):
        elsewhere = Endpoint()
        self.addCleanup(elsewhere.close)

        def redirect(handler):
            handler.send_response(307)
            handler.send_header("Location", elsewhere.url())
            handler.send_header("Content-Length", "0")
            handler.end_headers()
        for answer in (500, 404, hang_up, redirect):
            with self.subTest(answer=answer):
                self.endpoint.requests.clear()
                server = self.serve("timeout = 300ms\n")
                self.endpoint.plan.append(answer)
                self.text(server, "t1")
                first, second = self.endpoint.wait(2)
                self.assertEqual(first, second)
                until("its delivery", lambda: server.metric("parley_webhooks_delivered_total") == 1)
                self.assertEqual(1, server.metric("parley_webhook_failures_total"))
                self.assertEqual(2, len(self.endpoint.requests))
        self.assertEqual([], elsewhere.requests)

    def test_nobody_waits_for_an_endpoint_that_stalls(self):
        server = self.serve("timeout = 300ms\nparallel = 2\n")
        self.endpoint.plan.extend([stall, half, stall])
        begin = time.monotonic()
        for number in range(4):
            self.call(server, f"c{number}", "alice", "bob")
        self.assertLess(time.monotonic() - begin, parleyd.WAIT_S)
        until("all of them", lambda: server.metric("parley_webhooks_delivered_total") == 8)
        # Each was taken once or more, and of each call the start before its end.
        order = collections.defaultdict(list)
        for notice in self.endpoint.notices():
            order[notice["data"]["callId"]].append(notice["type"])
        for types in order.values():
            self.assertEqual(sorted(types, reverse=True), types)
            self.assertEqual({"call.started", "call.ended"}, set(types))

    def test_gives_up_at_once_what_is_refused_for_good(self):
        server = self.serve()
        self.endpoint.plan.append(410)
        self.text(server, "t1")
        name = 'parley_webhooks_given_up_total{reason="refused"}'
        until("it to be given up", lambda: server.metric(name) == 1)
        self.text(server, "t2")
        self.assertEqual(["t1", "t2"], [n["data"]["textId"] for n in self.endpoint.wait(2)])

    def test_gives_up_after_its_time(self):
        server = self.serve("give-up-after = 1s\n")
        self.endpoint.otherwise = 503
        self.text(server, "t1")
        name = 'parley_webhooks_given_up_total{reason="late"}'
        until("it to be given up", lambda: server.metric(name) == 1)
        self.assertIn("is given up after", server.log)
        self.assertEqual(0, server.metric("parley_webhooks_waiting"))

    def test_delivers_after_a_crash_what_was_not_delivered_before(self):
        server = self.serve()
        self.endpoint.otherwise = 503
        self.text(server, "t1")
        self.text(server, "t2")
        before = {n["data"]["textId"]: n["id"] for n in self.endpoint.wait(2)}
        server.kill()
        self.endpoint.requests.clear()
        self.endpoint.otherwise = 200
        server.start()
        after = {n["data"]["textId"]: n["id"] for n in self.endpoint.wait(2)}
        self.assertEqual(before, after)
        until("both", lambda: server.metric("parley_webhooks_delivered_total") == 2)
        # What was delivered is not told again.
        server.stop()
        self.endpoint.requests.clear()
        server.start()
        self.text(server, "t3")
        self.assertEqual(["t3"], [n["data"]["textId"] for n in self.endpoint.wait(1)])

    def test_tells_only_what_is_wanted(self):
        server = self.serve("events = call.ended; text.unheard\n")
        self.call(server, "c1", "alice", "bob")
        self.text(server, "t1")
        self.assertEqual({"call.ended", "text.unheard"},
                         {n["type"] for n in self.endpoint.wait(2)})

    def test_signs_with_every_secret_and_logs_none(self):
        server = self.serve()
        (server.folder / "new.secret").write_text("n" * 40 + "\n")
        server.stop()
        server.config.write_text(server.config.read_text().replace(
            "secret-file = webhook.secret", "secret-file = webhook.secret; new.secret") +
            "[server]\nlog-level = debug\n")
        server.start()
        self.endpoint.plan.append(500)
        self.text(server, "t1")
        self.endpoint.wait(2)
        headers, body = self.endpoint.requests[0]
        for secret in (SECRET, b"n" * 40):
            self.assertTrue(verify(headers["Parley-Signature"], body, secret))
        self.assertFalse(verify(headers["Parley-Signature"], body, b"x" * 40))
        self.assertFalse(verify(headers["Parley-Signature"], body + b" ", SECRET))
        until("its delivery", lambda: server.metric("parley_webhooks_delivered_total") == 1)
        for hidden in ("SECRETPATH", "SECRETKEY", "wwww", "nnnn", "v1="):
            self.assertNotIn(hidden, server.log)

    def test_believes_only_a_certificate_it_should(self):
        folder = self.serve().folder
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=hooks",
                        "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "tls.key", "-out",
                        "tls.pem"], cwd=folder, check=True, capture_output=True)
        secure = Endpoint((folder / "tls.pem", folder / "tls.key"))
        self.addCleanup(secure.close)
        doubting = self.serve(endpoint=secure)
        self.text(doubting, "t1")
        until("a failure", lambda: doubting.metric("parley_webhook_failures_total") > 0)
        self.assertEqual([], secure.requests)
        trusting = self.serve(f"ca-file = {folder}/tls.pem\n", endpoint=secure)
        self.text(trusting, "t2")
        self.assertEqual("t2", secure.wait(1)[0]["data"]["textId"])


if __name__ == "__main__":
    parleyd.main()
