#!/usr/bin/env python3
"""Asks real browsers for the offers of WHIP and WHEP clients, and writes them to tests/sdp/data.

usage: capture_guests.py DATA_FOLDER [chromium] [firefox]

As guest-publish, guest-watch, and guest-both, which also wants a data channel and two cameras.
"""
import pathlib
import sys

from capture import capture

PAGE = b"""<!doctype html><meta charset="utf-8"><script type="module">
const oscillator = new AudioContext();
const microphone = oscillator.createMediaStreamDestination().stream.getAudioTracks()[0];
const canvas = document.createElement('canvas');
canvas.getContext('2d');
const camera = canvas.captureStream(10).getVideoTracks()[0];
const post = (path, body) => fetch(path, {method: 'POST', body});
const offerOf = async (name, prepare) => {
  const pc = new RTCPeerConnection({bundlePolicy: 'max-bundle'});
  prepare(pc);
  await pc.setLocalDescription(await pc.createOffer());
  await post(`/answer/guest-${name}`, pc.localDescription.sdp);
  pc.close();
};
try {
  await offerOf('publish', (pc) => {
    pc.addTransceiver(microphone, {direction: 'sendonly'});
    pc.addTransceiver(camera, {direction: 'sendonly'});
  });
  await offerOf('watch', (pc) => {
    pc.addTransceiver('audio', {direction: 'recvonly'});
    pc.addTransceiver('video', {direction: 'recvonly'});
  });
  await offerOf('both', (pc) => {
    pc.createDataChannel('chat');
    pc.addTransceiver(camera, {direction: 'sendrecv'});
    pc.addTransceiver('video', {direction: 'sendrecv'});
    pc.addTransceiver(microphone, {direction: 'sendrecv'});
  });
  await post('/done', '');
} catch (error) {
  await post('/failed', `${error}`);
}
</script>"""

if __name__ == "__main__":
    for browser in sys.argv[2:] or ["chromium", "firefox"]:
        capture(browser, PAGE, pathlib.Path(sys.argv[1]))
