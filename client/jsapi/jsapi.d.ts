// Types of JSAPI. What each member does is said in the JavaScript beside this file.

export type Role =
  | 'active initiator'
  | 'passive initiator'
  | 'active receiver'
  | 'passive receiver';
export type CallState = 'opening' | 'ringing' | 'running' | 'ended';
export type ConnectionState = 'disconnected' | 'connecting' | 'connected' | 'reconnecting';
export type ParticipantState = 'inviting' | 'ringing' | 'active' | 'reconnecting' | 'left';
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
export type Kind = 'audio' | 'video';
export type Source = 'mic' | 'camera' | 'screen' | 'screen-audio';

export interface Participant {
  profileId: string;
  state: ParticipantState;
  /** Where it is active. */
  connectionId: string | null;
  /** False while muted. */
  audio: boolean;
  video: boolean;
  /** Provisional until the call has ended. */
  outcome: Outcome | null;
}

/** A text as its sender gets it back, once it is stored. */
export interface SentText {
  id: string;
  chainId: string;
  from: string;
  body: string;
  /** Unix time in milliseconds, of the server. */
  at: number;
}

export interface TextMessage extends SentText {
  /** Everybody in the chain. */
  members: string[];
}

export interface TextItem {
  type: 'text';
  id: string;
  from: string;
  body: string;
  at: number;
}

export interface CallItem {
  type: 'call';
  /** The call's id. */
  id: string;
  from: string;
  to: string[];
  settings: { audio: boolean; video: boolean };
  at: number;
  /** Absent while the call lives, and so are the next two. */
  endedAt?: number;
  reason?: Outcome;
  /** Since the first accept; 0 without one. */
  durationMs?: number;
  /** Who has one so far. */
  outcomes: Record<string, Outcome>;
}

export type ChainItem = TextItem | CallItem;

export interface Chain {
  chainId: string;
  members: string[];
  last: ChainItem;
}

export interface Page<Item> {
  items: Item[];
  /** There are older ones: ask again with `before`, the id of the oldest of these. */
  more: boolean;
}

export interface PageRequest {
  /** Only what is older than this one: a chain's id for chains(), an item's for history(). */
  before?: string | null;
  /** 50 by default, at most 200. */
  limit?: number;
}

export interface SendText {
  /** One of one's own profiles. */
  from: string;
  /** The chain it belongs to; or else `to`. */
  chainId?: string | null;
  /** With whom to found a new chain. */
  to?: string | string[] | null;
  /** At most 8 KiB of UTF-8, and not empty. */
  body: string;
  /** Of a text that was refused with kind `retry`, to try it once more; a new one by default. */
  id?: string;
}

export interface RemoteStream {
  profileId: string;
  source: 'camera' | 'screen';
  stream: MediaStream;
}

export interface TrackStats {
  profileId: string;
  source: Source;
  kind: Kind;
  direction: 'in' | 'out';
  codec?: string;
  packets?: number;
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
  audioLevel?: number;
  totalAudioEnergy?: number;
}

export interface CallStats {
  connectionState: RTCPeerConnectionState;
  roundTripMs: number | undefined;
  tracks: TrackStats[];
}

export interface Quality {
  profileId: string;
  level: 'good' | 'fair' | 'poor';
  /** Since the last look, of the worst of its tracks; null where nothing was measured. */
  lossPercent: number | null;
  jitterMs: number | null;
  roundTripMs: number | null;
}

export interface DeviceChange {
  source: 'mic' | 'camera';
  /**
   * `lost`: is tried to be got back; `waiting`: is not to be had now, and tried again when something
   * is plugged in; `back`; `failed`: the user has to allow it, and to unmute.
   */
  state: 'lost' | 'waiting' | 'back' | 'failed';
  /** Why, with `waiting` and `failed`. */
  error: JsapiError | null;
}

export interface MediaChoice {
  /** true, false, or what the device should be like. */
  audio?: boolean | MediaTrackConstraints;
  video?: boolean | MediaTrackConstraints;
}

export interface CallEvents {
  ringing: (profileId: string, connectionId: string) => void;
  accepted: (profileId: string, connectionId: string) => void;
  /** A participant has taken the call over on another of its devices; `was` is the device before. */
  taken: (profileId: string, connectionId: string, was: string) => void;
  participant: (participant: Participant) => void;
  /** Also when a stream that is there already gets another track. */
  stream: (stream: RemoteStream) => void;
  streamend: (stream: RemoteStream) => void;
  localstream: (stream: MediaStream) => void;
  /** Those who speak now. */
  speaker: (profileIds: string[]) => void;
  /** How well a participant gets through has changed; the own profile stands for what one sends. */
  quality: (quality: Quality) => void;
  /** The system has taken the microphone or camera away, or given it back. */
  device: (device: DeviceChange) => void;
  /** Sharing the screen has ended, also by the browser's own button. */
  screenend: () => void;
  /** Of the media connection of this device, which is repaired by itself. */
  connection: (state: RTCPeerConnectionState) => void;
  state: (state: CallState, role: Role | null) => void;
  /** null: nobody could tell, or another object stands for the call now (`mergedInto`). */
  end: (outcome: Outcome | null) => void;
}

export interface JsapiEvents {
  'call:received': (call: Call) => void;
  'call:accepted': (call: Call, acceptedBy: string, fromConnection: string) => void;
  'call:end': (call: Call, outcome: Outcome | null) => void;
  /** `calls`, or anything one sees of them, has changed. */
  'calls:changed': () => void;
  /** Sent by another member, or by oneself on another device. */
  'text:received': (message: TextMessage) => void;
  /**
   * The device that had this participant's place in the call is gone, and the place is kept for a
   * while: after a reload, or on the user's other devices. rejoin() takes it here.
   */
  'call:lost': (call: Call) => void;
  /**
   * `resumed`, with `connected`: nothing was missed. Otherwise calls are as the server says now, and
   * texts may have come that only history() tells of.
   */
  'connection:state': (state: ConnectionState, details: { resumed: boolean }) => void;
  /** Only where `token` is no function: hand in a fresh one with renewToken(). Unix time in ms. */
  'token:expiring': (expiresAt: number) => void;
  error: (error: JsapiError) => void;
}

declare class Emitter<Events extends { [E in keyof Events]: (...args: never[]) => void }> {
  /** Returns a function that takes the listener off again. */
  on<E extends keyof Events>(event: E, listener: Events[E]): () => void;
  once<E extends keyof Events>(event: E, listener: Events[E]): () => void;
  off<E extends keyof Events>(event: E, listener: Events[E]): void;
}

export class JsapiError extends Error {
  readonly name: 'JsapiError';
  readonly code: string;
  readonly kind: 'request' | 'auth' | 'state' | 'retry' | 'server' | 'media';
  /** The device concerned, with kind media. */
  readonly source?: 'mic' | 'camera' | 'screen';
  /** With code already_accepted: where the call was taken. */
  readonly connectionId?: string;
  /** The call concerned, on errors that come as an event. */
  call?: Call;
}

export class Call extends Emitter<CallEvents> {
  private constructor();
  readonly id: string;
  readonly chainId: string;
  readonly from: string;
  readonly to: string[];
  readonly settings: { audio: boolean; video: boolean };
  readonly state: CallState;
  readonly role: Role | null;
  readonly participants: Participant[];
  readonly localStream: MediaStream | null;
  /** As whom this connection takes part. */
  readonly profileId: string;
  readonly me: Participant;
  readonly isActive: boolean;
  /** This device waits for accept() or reject(). */
  readonly rings: boolean;
  /** accept() can be tried: this participant has no device in the call, or has lost it. */
  readonly canJoin: boolean;
  /** take() can be tried: this participant is in the call on another device. */
  readonly canTake: boolean;
  /** take() is under way. */
  readonly isTaking: boolean;
  readonly streams: RemoteStream[];
  /** Own outcome, once ended. */
  readonly outcome: Outcome | null;
  readonly outcomes: Record<string, Outcome> | null;
  readonly durationMs: number | null;
  /** When this device saw the first accept, as Date.now(). */
  readonly acceptedAt: number | null;
  readonly error: JsapiError | null;
  /** Of an object that ended because another one stands for its call now. */
  readonly mergedInto: Call | null;
  /**
   * Of a call opened here: resolves when the server has confirmed it, with the object to go on with.
   * That is this one, unless it met a call in which this device is active already.
   */
  readonly ready: Promise<Call>;

  accept(options?: MediaChoice): Promise<void>;
  reject(
    reason?: 'declined' | 'busy',
    options?: { scope?: 'profile' | 'connection' },
  ): Promise<void>;
  /**
   * Takes the running call over from this participant's other device, which plays on until this one
   * is connected. The microphone opens only then. When it rejects, the other device is active still.
   */
  take(options?: MediaChoice): Promise<void>;
  /**
   * Takes this participant's place here, whatever it takes: accept(), take(), or new media when it
   * is this device's already.
   */
  rejoin(options?: MediaChoice): Promise<void>;
  /** Adds receivers, who are rung. */
  invite(profileIds: string | string[]): Promise<void>;
  hangup(): Promise<void>;
  mute(kind: Kind): Promise<void>;
  unmute(kind: Kind): Promise<void>;
  shareScreen(): Promise<MediaStream>;
  stopScreen(): Promise<void>;
  getStats(): Promise<CallStats>;
}

export interface OpenCall {
  from: string;
  to: string | string[];
  chainId?: string | null;
  /** false: all own devices stay passive until one of them accepts. */
  immediate?: boolean;
  /** Ends the live call this one meets, as `superseded`, in place of joining it. */
  replace?: boolean;
  settings?: MediaChoice;
}

export interface Session {
  connectionId: string;
  userId: string;
  profiles: string[];
}

export class Client extends Emitter<JsapiEvents> {
  readonly state: ConnectionState;
  readonly connectionId: string | null;
  readonly userId: string | null;
  readonly profiles: string[];
  readonly calls: Call[];
  connect(options: {
    url?: string;
    token: string | (() => string | Promise<string>);
  }): Promise<Session>;
  disconnect(): void;
  renewToken(token: string): Promise<void>;
  openCall(
    fromProfileId: string,
    toProfileIds: string | string[],
    chainId?: string | null,
    options?: MediaChoice,
  ): Call;
  openCall(call: OpenCall): Call;
  /** Resolves when the text is stored. */
  sendText(text: SendText): Promise<SentText>;
  /** The latest first. */
  chains(page?: PageRequest): Promise<Page<Chain>>;
  /** The oldest first within a page; the first page has the latest. */
  history(chainId: string, page?: PageRequest): Promise<Page<ChainItem>>;
}

/** A client of its own, for a page that holds more than one session. */
export function createClient(): Client;

export const JSAPI: Client & {
  Call: typeof Call;
  Client: typeof Client;
  JsapiError: typeof JsapiError;
  createClient: typeof createClient;
};
export default JSAPI;
