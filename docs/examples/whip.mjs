// WHIP and WHEP in a page, without JSAPI: publish(), watch(), and what both give back, a session
// with end().

// Publishes the tracks of `stream` to `url`, "/whip/CALL"; `token` has the grant `bridge`.
export async function publish(url, token, stream) {
  const pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
  for (const track of stream.getTracks())
    pc.addTransceiver(track, { direction: 'sendonly', streams: [stream] });
  return begin(pc, url, token);
}

// Watches "/whep/CALL", with ?profile=SOMEBODY one participant of it. `session.stream` is for the
// srcObject of a <video>.
export async function watch(url, token) {
  const pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
  const stream = new MediaStream();
  pc.addEventListener('track', ({ track }) => stream.addTrack(track));
  for (const kind of ['audio', 'video']) pc.addTransceiver(kind, { direction: 'recvonly' });
  return Object.assign(await begin(pc, url, token), { stream });
}

async function begin(pc, url, token) {
  // The server does no ICE checks of its own: there is no need to wait for candidates, or to send
  // them.
  await pc.setLocalDescription();
  const response = await fetch(url, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/sdp' },
    body: pc.localDescription.sdp,
  });
  if (response.status !== 201) {
    pc.close();
    throw new Error((await response.json()).message);
  }
  const address = new URL(response.headers.get('Location'), response.url);
  await pc.setRemoteDescription({ type: 'answer', sdp: await response.text() });
  return {
    pc,
    address: address.href,
    async end() {
      pc.close();
      await fetch(address, { method: 'DELETE', headers: { Authorization: `Bearer ${token}` } });
    },
  };
}
