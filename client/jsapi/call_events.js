// What each event of a call does to the Call.

import { kInCall } from './roster.js';

// What a source that is brought into the call is as a participant.
const kSourceStates = {
  starting: 'inviting',
  live: 'active',
  reconnecting: 'reconnecting',
  ended: 'left',
  failed: 'left',
};

// What each event of a call does. Those that are not here do not concern a Call.
export const kCallEvents = new Map(
  Object.entries({
    'call.init'({ call, described, member, setRole }, message) {
      described(message);
      call.restoreServices(message);
      if (call.isActive) return;
      const { from, role, immediate, connectionId } = message;
      const caller = call.participants[0];
      if (immediate !== false && caller.state === 'inviting') {
        member(from, { state: 'active', connectionId });
      }
      setRole(role ?? null);
    },
    'call.ringing'({ call, member }, { profileId, connectionId }) {
      if (!kInCall.has(call.participants.find((p) => p.profileId === profileId)?.state)) {
        member(profileId, { state: 'ringing', outcome: null });
      }
      call.emit('ringing', profileId, connectionId);
    },
    'call.init_timeout'({ member }, { profileId }) {
      member(profileId, { state: 'left', outcome: 'unreachable' });
    },
    'call.ringing_timeout'({ member }, { profileId }) {
      member(profileId, { state: 'left', outcome: 'missed' });
    },
    'call.accept'({ accepted, member }, { profileId, connectionId }) {
      // Without a device it is something that was brought in, which answers nobody's call.
      if (connectionId) accepted(profileId, connectionId);
      else member(profileId, { state: 'active', outcome: null });
    },
    'call.take'({ taken }, { profileId, connectionId, was }) {
      taken(profileId, connectionId, was);
    },
    'call.invite'({ invited }, { to }) {
      invited(to);
    },
    'call.reject'({ call, member, becomePassive }, { profileId, reason, scope }) {
      if (scope === 'connection') return;
      member(profileId, { state: 'left', outcome: reason === 'busy' ? 'busy' : 'rejected' });
      if (profileId === call.profileId) becomePassive();
    },
    'call.hangup'({ call, member, becomePassive }, { profileId }) {
      member(profileId, { state: 'left', connectionId: null });
      if (profileId === call.profileId) becomePassive();
    },
    'call.update'({ member }, { profileId, audio, video }) {
      member(profileId, { audio, video });
    },
    'call.reconnecting'({ call, member, return: comeBack }, { profileId }) {
      member(profileId, { state: 'reconnecting' });
      if (profileId === call.profileId) comeBack();
    },
    'call.reconnected'({ member }, { profileId, connectionId }) {
      member(profileId, { state: 'active', connectionId });
    },
    'call.left'({ call, member, left }, { profileId, outcome }) {
      member(profileId, { state: 'left', outcome, connectionId: null });
      if (profileId === call.profileId) left(outcome);
    },
    'call.recording'({ call }, message) {
      call.recorded(message);
    },
    'call.mode'({ call }, message) {
      call.modeSet(message);
    },
    'call.bridge'({ call, member }, message) {
      const { direction, profileId, bridgeId, state } = message;
      if (direction === 'in' && profileId) {
        member(profileId, { state: kSourceStates[state], bridge: bridgeId });
      }
      call.bridged(message);
    },
    'call.end'({ call }, { reason, outcomes = {}, durationMs }) {
      call.finish({ outcome: outcomes[call.profileId] ?? reason, outcomes, durationMs });
    },
    'media.offer'({ offer }, message) {
      offer(message);
    },
    'media.failed'({ mediaFailed }, { message }) {
      mediaFailed(message);
    },
  }),
);
