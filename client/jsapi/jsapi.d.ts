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

export interface MediaChoice {
  /** true, false, or what the device should be like. */
  audio?: boolean | MediaTrackConstraints;
  video?: boolean | MediaTrackConstraints;
}

export interface CallEvents {
  ringing: (profileId: string, connectionId: string) => void;
  accepted: (profileId: string, connectionId: string) => void;
  participant: (participant: Participant) => void;
  /** Also when a stream that is there already gets another track. */
  stream: (stream: RemoteStream) => void;
  streamend: (stream: RemoteStream) => void;
  localstream: (stream: MediaStream) => void;
  /** Those who speak now. */
  speaker: (profileIds: string[]) => void;
  screenend: () => void;
  /** Of the media connection of this device. */
  connection: (state: RTCPeerConnectionState) => void;
  state: (state: CallState, role: Role | null) => void;
  /** null: it ended while this device had no connection. */
  end: (outcome: Outcome | null) => void;
}

export interface JsapiEvents {
  'call:received': (call: Call) => void;
  'call:accepted': (call: Call, acceptedBy: string, fromConnection: string) => void;
  'call:end': (call: Call, outcome: Outcome | null) => void;
  /** `calls`, or anything one sees of them, has changed. */
  'calls:changed': () => void;
  'connection:state': (state: ConnectionState) => void;
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
  /** accept() can be tried. */
  readonly canJoin: boolean;
  readonly streams: RemoteStream[];
  /** Own outcome, once ended. */
  readonly outcome: Outcome | null;
  readonly outcomes: Record<string, Outcome> | null;
  readonly durationMs: number | null;
  /** When this device saw the first accept, as Date.now(). */
  readonly acceptedAt: number | null;
  readonly error: JsapiError | null;
  /** Of a call opened here: resolves when the server has confirmed it. */
  readonly ready: Promise<Call>;

  accept(options?: MediaChoice): Promise<void>;
  reject(
    reason?: 'declined' | 'busy',
    options?: { scope?: 'profile' | 'connection' },
  ): Promise<void>;
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
