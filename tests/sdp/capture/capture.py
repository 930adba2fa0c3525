#!/usr/bin/env python3
"""Asks real browsers to answer our offers, and writes what they say to tests/sdp/data.

usage: capture.py PRINT_OFFERS DATA_FOLDER [chromium] [firefox]

PRINT_OFFERS is the built tests/sdp/sdp_print_offers. The browsers run without a display; nothing
but 127.0.0.1 is reached.
"""
import http.server
import json
import pathlib
import subprocess
import sys
import tempfile
import threading

PAGE = """<!doctype html><meta charset="utf-8"><script type="module">
const offers = OFFERS;
const oscillator = new AudioContext();
const microphone = oscillator.createMediaStreamDestination().stream.getAudioTracks()[0];
const canvas = document.createElement('canvas');
canvas.getContext('2d');
const camera = canvas.captureStream(10).getVideoTracks()[0];
const post = (path, body) => fetch(path, {method: 'POST', body});
try {
  for (const [name, steps] of Object.entries(offers)) {
    const pc = new RTCPeerConnection({bundlePolicy: 'max-bundle'});
    for (const [step, sdp] of steps.entries()) {
      await pc.setRemoteDescription({type: 'offer', sdp});
      for (const t of pc.getTransceivers()) {
        const offered = sdp.split('\\r\\nm=').find((m) => m.includes(`\\r\\na=mid:${t.mid}\\r\\n`));
        const kind = t.receiver.track.kind;
        if (name === 'listen' || name === 'large') continue;
        if (name === 'novideo' && kind === 'video') {
          t.stop();
          continue;
        }
        if (!offered.includes('\\r\\na=recvonly\\r\\n')) continue;
        t.direction = 'sendonly';
        await t.sender.replaceTrack(kind === 'audio' ? microphone : camera);
      }
      const answer = await pc.createAnswer();
      await pc.setLocalDescription(answer);
      await post(`/answer/${name}-${step + 1}`, answer.sdp);
    }
    pc.close();
  }
  await post('/done', '');
} catch (error) {
  await post('/failed', `${error}`);
}
</script>"""


def main():
    print_offers, data = sys.argv[1], pathlib.Path(sys.argv[2])
    offers = json.loads(subprocess.run([print_offers], check=True, capture_output=True).stdout)
    page = PAGE.replace("OFFERS", json.dumps(offers)).encode()
    for browser in sys.argv[3:] or ["chromium", "firefox"]:
        capture(browser, page, data)


def capture(browser, page, data):
    finished = threading.Event()
    failure = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *args):
            pass

        def reply(self, body, kind):
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self):
            self.reply(page if self.path == "/" else b"", "text/html")

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.reply(b"", "text/plain")
            if self.path.startswith("/answer/"):
                name = self.path.removeprefix("/answer/")
                (data / f"{browser}-{name}.sdp").write_bytes(body)
                print(browser, name, len(body), "bytes")
                return
            if self.path == "/failed":
                failure.append(body.decode())
            finished.set()

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, \
            tempfile.TemporaryDirectory() as profile:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        command = {
            "chromium": ["chromium", "--headless", "--no-sandbox", "--disable-gpu",
                         "--no-first-run", "--disable-background-networking",
                         "--autoplay-policy=no-user-gesture-required",
                         f"--user-data-dir={profile}", url],
            "firefox": ["firefox", "--headless", "--no-remote", "--profile", profile, url],
        }[browser]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        done = finished.wait(90)
        process.terminate()
        process.wait(30)
        server.shutdown()
    if not done or failure:
        sys.exit(f"{browser}: {failure[0] if failure else 'no answer within 90 s'}")


if __name__ == "__main__":
    main()
