// Types of JSAPI. docs/jsapi/reference.md is made of this file by `npm run build`.

/** What this device is in a call; null while a receiver has neither accepted nor declined. */
export type Role =
  | 'active initiator'
  | 'passive initiator'
  | 'active receiver'
  | 'passive receiver';
/** `opening` until the server has confirmed a call made here, `running` after the first accept. */
export type CallState = 'opening' | 'ringing' | 'running' | 'ended';
/** `reconnecting`: the connection is lost, and is renewed by itself. */
export type ConnectionState = 'disconnected' | 'connecting' | 'connected' | 'reconnecting';
/** `inviting` until one of its devices rings, `reconnecting` while its place is kept for it. */
export type ParticipantState = 'inviting' | 'ringing' | 'active' | 'reconnecting' | 'left';
/** How a call ended for one participant, as the server decided it. */
export type Outcome =
  | 'completed'
  | 'cancelled'
  | 'rejected'
  | 'busy'
  | 'missed'
  | 'unreachable'
  | 'lost'
  | 'superseded'
  | 'kicked'
  | 'shutdown'
  | 'failed';
/** The microphone's or the camera's. */
export type Kind = 'audio' | 'video';
/** What a track comes from. */
export type Source = 'mic' | 'camera' | 'screen' | 'screen-audio';

/** One who takes part in a call. */
export interface Participant {
  profileId: string;
  state: ParticipantState;
  /** The device it is in the call on. */
  connectionId: string | null;
  /** Whether it can be heard: false while muted. */
  audio: boolean;
  /** Whether it can be seen: false while muted. */
  video: boolean;
  /** Set once it is over for this participant; may be withdrawn until the call has ended. */
  outcome: Outcome | null;
  /** Of what a bridge brings into the call: that bridge. */
  bridge?: string;
}

/** Sound and picture of another participant, or of all others as the server mixed them. */
export interface RemoteStream {
  /** `mix` with source `mix`. */
  profileId: string;
  /** Camera and microphone make one stream, screen and its sound another. */
  source: 'camera' | 'screen' | 'mix';
  stream: MediaStream;
}

/** What is counted of one track. Members the browser does not count are absent. */
export interface TrackStats {
  profileId: string;
  source: Source;
  kind: Kind;
  /** `out` for what this device sends. */
  direction: 'in' | 'out';
  /** Such as `opus` or `VP8`. */
  codec?: string;
  packets?: number;
  /** With direction `out`: as the server reports. */
  packetsLost?: number;
  bytes?: number;
  jitterMs?: number;
  framesDecoded?: number;
  keyFramesDecoded?: number;
  framesEncoded?: number;
  keyFramesEncoded?: number;
  frameWidth?: number;
  frameHeight?: number;
  framesPerSecond?: number;
  freezeCount?: number;
  /** 0 to 1, at the moment. */
  audioLevel?: number;
  totalAudioEnergy?: number;
}

/** What is counted of this device's media. */
export interface CallStats {
  connectionState: RTCPeerConnectionState;
  /** To the server and back; undefined before it was measured. */
  roundTripMs: number | undefined;
  tracks: TrackStats[];
}

/** How well a participant gets through. */
export interface Quality {
  /** One's own profile stands for what this device sends. */
  profileId: string;
  level: 'good' | 'fair' | 'poor';
  /** In the last two seconds, of the worst of its tracks; null where nothing was measured. */
  lossPercent: number | null;
  jitterMs: number | null;
  roundTripMs: number | null;
}

/** What became of this device's microphone or camera. */
export interface DeviceChange {
  source: 'mic' | 'camera';
  /**
   * `lost`: the system took it away, and it is opened again at once; `waiting`: it is not to be had
   * now, and tried again when something is plugged in; `back`; `failed`: the user has to allow it,
   * and then to unmute.
   */
  state: 'lost' | 'waiting' | 'back' | 'failed';
  /** Why, with `waiting` and `failed`. */
  error: JsapiError | null;
}

/** A recording of the call that is being made. */
export interface Recording {
  recordingId: string;
  /** `asking` while participants say whether they may be recorded; then `starting` and `on`. */
  state: 'asking' | 'starting' | 'on' | 'ended' | 'failed';
  /** `tracks`: each by itself, as it was sent; else one picture of all. */
  layout: 'tracks' | 'grid' | 'speaker';
  /** Of one picture of all. */
  format: 'webm' | 'mp4';
  /** `consent`: who has not said yes is not in it. */
  policy: 'notify' | 'consent';
  /** By profile; null: not answered yet. Empty with policy `notify`. */
  consents: Record<string, boolean | null>;
  /** Why, with `failed`. */
  message?: string;
}

/** What startRecording() takes. */
export interface RecordingOptions {
  /** `tracks` by default. */
  layout?: 'tracks' | 'grid' | 'speaker';
  /** Of the layouts but `tracks`; `webm` by default. */
  format?: 'webm' | 'mp4';
  /** `notify` by default: everybody is told. `consent`: everybody is asked. */
  policy?: 'notify' | 'consent';
}

/** The call sent on to somewhere else, or something else brought into it. */
export interface Bridge {
  bridgeId: string;
  direction: 'out' | 'in';
  /** `whip`: somebody publishes by WHIP. */
  kind: 'rtmp' | 'srt' | 'rtp' | 'hls' | 'rtsp' | 'file' | 'whip';
  state: 'starting' | 'live' | 'reconnecting' | 'ended' | 'failed';
  /** With direction `in`: the participant it is. */
  profileId?: string;
  /** With direction `out`: the one participant that is sent on, where it is not all. */
  only?: string;
  /** Why, with `reconnecting` and `failed`. */
  message?: string;
  /** With kind `hls`: where the playlist is, on the server's host. */
  watch?: string;
}

/** What startBridge() takes. */
export interface BridgeOptions {
  /** `out` by default. */
  direction?: 'out' | 'in';
  kind: Exclude<Bridge['kind'], 'whip'>;
  /** Where to, or where from; the server's operator says what is allowed. None for HLS out. */
  url?: string;
  /** With direction `out`: `grid` by default. */
  layout?: 'grid' | 'speaker';
  /** With direction `out`: only this participant. */
  only?: string;
  /** With direction `in`: the participant it shall be; a name of the server's making by default. */
  profileId?: string;
}

/** A recording that is kept. */
export interface StoredRecording {
  recordingId: string;
  callId: string;
  layout: Recording['layout'];
  format: Recording['format'];
  state: 'on' | 'ended' | 'failed';
  /** Unix time in milliseconds. */
  at: number;
  endedAt?: number;
  durationMs: number;
  bytes: number;
  /** Why, with `failed`. */
  message?: string;
  /** Only of recording(). */
  files?: RecordingFile[];
}

/** A part of a recording. */
export interface RecordingFile {
  file: string;
  /** Where to load it from, good for an hour. */
  url: string;
  /** Whose it is; absent where it holds all. */
  profileId?: string;
  source?: Source;
  codec: string;
  /** On the time line of the recording, as the timestamps inside are. */
  startMs: number;
  durationMs: number;
  bytes: number;
}

/** What to open on this device: true, false, or what the device should be like. */
export interface MediaChoice {
  audio?: boolean | MediaTrackConstraints;
  video?: boolean | MediaTrackConstraints;
}

/** A text as its sender gets it back, once it is stored. */
export interface SentText {
  id: string;
  chainId: string;
  from: string;
  body: string;
  /** When the server took it, as Unix time in milliseconds. */
  at: number;
}

/** A text somebody has sent. */
export interface TextMessage extends SentText {
  /** Everybody in the chain. */
  members: string[];
}

/** A text in the history of a chain. */
export interface TextItem {
  type: 'text';
  id: string;
  from: string;
  body: string;
  /** Unix time in milliseconds. */
  at: number;
}

/** A call in the history of a chain. */
export interface CallItem {
  type: 'call';
  /** The call's id. */
  id: string;
  from: string;
  to: string[];
  settings: { audio: boolean; video: boolean };
  /** When it was begun, as Unix time in milliseconds. */
  at: number;
  /** Absent while the call lives, as are `reason` and `durationMs`. */
  endedAt?: number;
  /** Why the call as a whole ended. */
  reason?: Outcome;
  /** Since the first accept; 0 without one. */
  durationMs?: number;
  /** Of those who have one so far. */
  outcomes: Record<string, Outcome>;
}

/** What a chain is made of. */
export type ChainItem = TextItem | CallItem;

/** A conversation: texts and calls in one order. */
export interface Chain {
  chainId: string;
  members: string[];
  /** The latest text or call. */
  last: ChainItem;
}

/** A part of a list. */
export interface Page<Item> {
  items: Item[];
  /** There are older ones: ask again with `before`, the id of the oldest of these. */
  more: boolean;
}

/** Which part of a list. */
export interface PageRequest {
  /** Only what is older than this one: a chain's id for chains(), an item's for history(). */
  before?: string | null;
  /** 50 by default, at most 200. */
  limit?: number;
}

/** What sendText() takes: either `chainId` or `to`. */
export interface SendText {
  /** One of one's own profiles. */
  from: string;
  /** The chain it belongs to. */
  chainId?: string | null;
  /** With whom to begin a new chain. */
  to?: string | string[] | null;
  /** At most 8 KiB of UTF-8, and not empty. */
  body: string;
  /** Of a text that was refused with kind `retry`, to try it once more; a new one by default. */
  id?: string;
}

/** What connect() takes. */
export interface ConnectOptions {
  /** The server's address, as in `wss://calls.example.org/ws`; by default that of the page. */
  url?: string;
  /**
   * An access token, or a function that returns or promises a fresh one. The function is asked
   * again before a token expires, and whenever the connection is renewed.
   */
  token: string | (() => string | Promise<string>);
}

/** Who one is at the server. */
export interface Session {
  /** This device's name. */
  connectionId: string;
  userId: string;
  /** The profiles one calls and is called as. */
  profiles: string[];
}

/** What openCall() takes by name. */
export interface OpenCall {
  /** One of one's own profiles. */
  from: string;
  to: string | string[];
  /** The chain the call belongs to; a new one by default. */
  chainId?: string | null;
  /** false: all own devices stay passive until one of them accepts. */
  immediate?: boolean;
  /** Ends the live call this one meets, as `superseded`, in place of joining it. */
  replace?: boolean;
  /** true or false is for everybody; constraints are for this device. */
  settings?: MediaChoice;
}

/** What a Call tells of. */
export interface CallEvents {
  /** A device of a receiver rings. */
  ringing: (profileId: string, connectionId: string) => void;
  /** A participant has taken the call, on this device or another one. */
  accepted: (profileId: string, connectionId: string) => void;
  /** A participant has moved to another of its devices; `was` is the one before. */
  taken: (profileId: string, connectionId: string, was: string) => void;
  /** Something about a participant has changed, or it is new. */
  participant: (participant: Participant) => void;
  /** A stream is there, or one that is there already has got another track. */
  stream: (stream: RemoteStream) => void;
  /** A stream is over. */
  streamend: (stream: RemoteStream) => void;
  /** `localStream` has other tracks now. */
  localstream: (stream: MediaStream) => void;
  /** Those who speak now, by profile id. */
  speaker: (profileIds: string[]) => void;
  /** How well a participant gets through has changed. */
  quality: (quality: Quality) => void;
  /** The system has taken the microphone or camera away, or given it back. */
  device: (device: DeviceChange) => void;
  /** Sharing the screen has ended, also by the browser's own button. */
  screenend: () => void;
  /** The state of this device's media connection, which is repaired by itself. */
  connection: (state: RTCPeerConnectionState) => void;
  /** A recording of the call is asked for, begins, goes on, or is over. */
  recording: (recording: Recording | null) => void;
  /** This participant gets the others' own streams, or one the server mixes. */
  mode: (mode: 'forward' | 'mix') => void;
  /** A bridge begins, is lost, is back, or is over. */
  bridge: (bridge: Bridge) => void;
  /** `state` or `role` has changed. */
  state: (state: CallState, role: Role | null) => void;
  /** The call is over; null when nobody could tell how, or when `mergedInto` goes on for it. */
  end: (outcome: Outcome | null) => void;
}

/** What JSAPI tells of. */
export interface JsapiEvents {
  /** Somebody calls, and the caller knows that this device rings. Never for calls made by oneself. */
  'call:received': (call: Call) => void;
  /** A participant, `acceptedBy`, has taken a call on the device `fromConnection`. */
  'call:accepted': (call: Call, acceptedBy: string, fromConnection: string) => void;
  /** A call is over; see `end` of Call. */
  'call:end': (call: Call, outcome: Outcome | null) => void;
  /**
   * The device that had this participant's place in a call is gone, and the place is kept for a
   * while: after a reload, and on the user's other devices. Call.rejoin() takes it here.
   */
  'call:lost': (call: Call) => void;
  /** `calls`, or anything one sees of them, has changed: time to draw anew. */
  'calls:changed': () => void;
  /** A text from another member of a chain, or from oneself on another device. */
  'text:received': (message: TextMessage) => void;
  /**
   * `resumed`, with `connected`: nothing was missed. Otherwise calls are as the server says now, and
   * texts may have come that only history() tells of.
   */
  'connection:state': (state: ConnectionState, details: { resumed: boolean }) => void;
  /** Only where `token` is no function: time for renewToken(). Unix time in milliseconds. */
  'token:expiring': (expiresAt: number) => void;
  /** What went wrong that no method was waiting for. */
  error: (error: JsapiError) => void;
}

/** Has events. A listener that throws keeps no other one from hearing. */
declare class Emitter<Events extends { [E in keyof Events]: (...args: never[]) => void }> {
  /** Calls `listener` each time; returns a function that takes it off again. */
  on<E extends keyof Events>(event: E, listener: Events[E]): () => void;
  /** Calls `listener` the next time only. */
  once<E extends keyof Events>(event: E, listener: Events[E]): () => void;
  /** Takes a listener off, however it was put on. */
  off<E extends keyof Events>(event: E, listener: Events[E]): void;
}

/** What went wrong: see [errors](errors.md). */
export class JsapiError extends Error {
  readonly name: 'JsapiError';
  /** Stable, for programs. */
  readonly code: string;
  /** Whether and how to go on; `media` is about this device. */
  readonly kind: 'request' | 'auth' | 'state' | 'retry' | 'server' | 'media';
  /** One sentence for people: what was wrong and what would be right. */
  readonly message: string;
  /** With kind `media`: the device concerned. */
  readonly source?: 'mic' | 'camera' | 'screen';
  /** With code `already_accepted`: where the call was taken. */
  readonly connectionId?: string;
  /** On errors that come as an event: the call concerned. */
  call?: Call;
}

/** One call as this device sees it. It follows the call by itself, whatever this device is in it. */
export class Call extends Emitter<CallEvents> {
  private constructor();
  /** Of a call made here it changes when the call meets a live one; see `ready`. */
  readonly id: string;
  readonly chainId: string;
  /** Who began the call. */
  readonly from: string;
  /** Who is called, those invited later included. */
  readonly to: string[];
  /** What the call was opened with. */
  readonly settings: { audio: boolean; video: boolean };
  readonly state: CallState;
  readonly role: Role | null;
  /** The caller first. */
  readonly participants: Participant[];
  /** The profile this device takes part as. */
  readonly profileId: string;
  /** The participant that is oneself. */
  readonly me: Participant;
  /** Microphone and camera of this device; null while it is not active. */
  readonly localStream: MediaStream | null;
  /** Those of the others that are there. */
  readonly streams: RemoteStream[];
  /** This device sends and receives. */
  readonly isActive: boolean;
  /** take() is under way. */
  readonly isTaking: boolean;
  /** This device waits for accept() or reject(). */
  readonly rings: boolean;
  /** accept() can be tried: this participant has no device in the call, or has lost it. */
  readonly canJoin: boolean;
  /** take() can be tried: this participant is in the call on another device. */
  readonly canTake: boolean;
  /** One's own, once the call has ended. */
  readonly outcome: Outcome | null;
  /** Everybody's, once the call has ended. */
  readonly outcomes: Record<string, Outcome> | null;
  /** Since the first accept, once the call has ended. */
  readonly durationMs: number | null;
  /**
   * When the first accept was, as Date.now(): when this device heard of it, or by the server's clock
   * where it did not.
   */
  readonly acceptedAt: number | null;
  /** Why a call made here could not be opened. */
  readonly error: JsapiError | null;
  /** Of an object that ended because another one stands for its call now. */
  readonly mergedInto: Call | null;
  /**
   * Of a call made here: resolves when the server has confirmed it, with the object to go on with.
   * That is this one, unless it met a call in which this device is active already.
   */
  readonly ready: Promise<Call>;

  /**
   * Takes the call on this device. What is not named is as `settings` say, and muted if this
   * participant had muted it. A device that cannot be opened is left out, and an `error` says why.
   * Rejects with `already_accepted` when another of one's devices was faster.
   */
  accept(options?: MediaChoice): Promise<void>;
  /** Declines on all one's devices, or with scope `connection` on this one only. */
  reject(
    reason?: 'declined' | 'busy',
    options?: { scope?: 'profile' | 'connection' },
  ): Promise<void>;
  /**
   * Takes the running call over from one's other device, which plays on until this one is
   * connected. The microphone opens only then. When it rejects, the other device is active still.
   */
  take(options?: MediaChoice): Promise<void>;
  /**
   * Takes one's place here, whatever it takes: accept(), take(), or new media when the place is this
   * device's already.
   */
  rejoin(options?: MediaChoice): Promise<void>;
  /** Adds receivers, who are rung. Only on an active device. */
  invite(profileIds: string | string[]): Promise<void>;
  /** Leaves the call, on whichever device one is in it. */
  hangup(): Promise<void>;
  /** `audio` sends silence, `video` closes the camera. A shared screen is not concerned. */
  mute(kind: Kind): Promise<void>;
  /** Undoes mute(), opening what is not open. */
  unmute(kind: Kind): Promise<void>;
  /** Asks for a screen or window and shares it. Browsers want this to come from a click. */
  shareScreen(): Promise<MediaStream>;
  /** Ends the sharing. */
  stopScreen(): Promise<void>;
  /** What is counted of this device's media. */
  getStats(): Promise<CallStats>;

  /** The recording that is being made; everybody is told of it. */
  readonly recording: Recording | null;
  /** The recording asks this participant: consent() answers. */
  readonly asksConsent: boolean;
  /** `mix`: one picture and one sound of all others, made by the server. */
  readonly mode: 'forward' | 'mix';
  /** Those that are there. */
  readonly bridges: Bridge[];
  /** One at a time. Needs the grant `record`, as does stopRecording(). */
  startRecording(options?: RecordingOptions): Promise<{ recordingId: string }>;
  /** What was recorded is kept. */
  stopRecording(): Promise<void>;
  /** Whether this participant may be recorded; may be changed while the recording goes on. */
  consent(yes: boolean): Promise<void>;
  /** For everybody, or for one participant. Needs the grant `mix`. */
  setMode(mode: 'forward' | 'mix', options?: { profileId?: string }): Promise<void>;
  /** Needs the grant `bridge`, as does stopBridge(). */
  startBridge(options: BridgeOptions): Promise<{ bridgeId: string }>;
  /** Ends it, and says goodbye to whatever is at its other end. */
  stopBridge(bridgeId: string): Promise<void>;
}

/** A session with the server, and the calls this device knows of. `JSAPI` is one. */
export class Client extends Emitter<JsapiEvents> {
  readonly state: ConnectionState;
  /** This device's name at the server; null before the first connect(). */
  readonly connectionId: string | null;
  readonly userId: string | null;
  /** The profiles one calls and is called as. */
  readonly profiles: string[];
  /** The calls that live, on this device or on the user's other ones. */
  readonly calls: Call[];
  /**
   * Resolves when the server has said welcome, and rejects when the first attempt fails. From then
   * on a lost connection is renewed until disconnect().
   */
  connect(options: ConnectOptions): Promise<Session>;
  /** Ends the session, and what this device has of its calls. Hang up first. */
  disconnect(): void;
  /** Hands in a fresh token of the same user. */
  renewToken(token: string): Promise<void>;
  /** Calls somebody. Returns at once; `ready` of the call tells what the server said. */
  openCall(
    fromProfileId: string,
    toProfileIds: string | string[],
    chainId?: string | null,
    options?: MediaChoice,
  ): Call;
  /** The same, by name. */
  openCall(call: OpenCall): Call;
  /**
   * Resolves when the text is stored. It is sent again under the same id when the connection was
   * lost, until it is answered.
   */
  sendText(text: SendText): Promise<SentText>;
  /** The chains one is a member of, the latest first. */
  chains(page?: PageRequest): Promise<Page<Chain>>;
  /** Texts and calls of a chain; the first page has the latest, and each page the oldest first. */
  history(chainId: string, page?: PageRequest): Promise<Page<ChainItem>>;
  /**
   * Recordings of calls one took part in, the newest first. These three need the grant `record`, and
   * a server whose HTTP API is open to pages.
   */
  recordings(page?: PageRequest & { callId?: string }): Promise<Page<StoredRecording>>;
  /** One of them, with its files. */
  recording(recordingId: string): Promise<StoredRecording>;
  /** Deletes it with its files. */
  deleteRecording(recordingId: string): Promise<void>;
}

/** A client of its own, for a page that holds more than one session. */
export function createClient(): Client;

/** The client of the page. */
export const JSAPI: Client & {
  Call: typeof Call;
  Client: typeof Client;
  JsapiError: typeof JsapiError;
  createClient: typeof createClient;
};
export default JSAPI;
