// Whoever answers by hand may do other things meanwhile: a sound when somebody begins to wait, and, while the page is out
// of sight, a message of the system.
import { effect } from '@preact/signals';
import { t } from './i18n.js';
import { kept } from './kept.js';
import { openPending } from './store.js';

/** Whether it rings; remembered. */
export const bell = kept('bell', false);

/** Turns it on or off. Browsers allow sounds and messages only after a gesture such as this one. */
export async function toggleBell() {
  bell.value = !bell.value;
  if (!bell.value) return;
  ring();
  if ('Notification' in window && Notification.permission === 'default') await Notification.requestPermission();
}

let speaker;

function ring() {
  speaker ??= new AudioContext();
  const [tone, volume] = [speaker.createOscillator(), speaker.createGain()];
  tone.frequency.value = 660;
  volume.gain.setValueAtTime(0.12, speaker.currentTime);
  volume.gain.exponentialRampToValueAtTime(0.001, speaker.currentTime + 0.35);
  tone.connect(volume).connect(speaker.destination);
  tone.start();
  tone.stop(speaker.currentTime + 0.35);
}

let known;

effect(() => {
  const waiting = openPending.value;
  const came = known && waiting.filter(({ id }) => !known.has(id));
  known = new Set(waiting.map(({ id }) => id));
  if (!came?.length || !bell.peek()) return;
  ring();
  if (document.hidden && window.Notification?.permission === 'granted') new Notification(t('{0} waiting', waiting.length), { body: came.at(-1).asked, tag: 'llemulator' });
});
