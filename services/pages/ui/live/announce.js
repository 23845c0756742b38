// What is said besides the lines: to everybody what went wrong or was copied, to a screen reader a summary now and then.
import { useEffect, useRef } from 'preact/hooks';
import { useSignal } from '@preact/signals';
import { html, plural } from '../shared/ui.js';

const EVERY_MS = 5000;

/** @param {{ page: any }} props */
export function Announcer({ page }) {
  const { lines, paused, stream, state, now, alarm, said } = page;
  const text = useSignal('');
  const last = useRef({ next: 0, errors: 0 });
  useEffect(() => {
    const timer = setInterval(() => {
      const news = lines.next - last.current.next;
      const errors = lines.errors - last.current.errors;
      last.current = { next: lines.next, errors: lines.errors };
      // Never single lines: a busy log would never let the reader finish.
      text.value = news > 0 && !paused.value ? `${plural(news, 'new line')}, ${plural(errors, 'error')}` : '';
    }, EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  const lost = state.value === 'disconnected' && now.value - stream.lostAt.value >= 2000;
  return html`<div class="visually-hidden" role="status">${text.value}</div>
    <div class="visually-hidden" role="alert">${lost ? 'Connection lost. Lines shown stay readable.' : ''}</div>
    <div class="said" role="status" data-test="said">${said.value && html`<p>${said.value}</p>`}</div>
    <div class="alarm" role="alert" data-test="alarm">${alarm.value && html`<p class="grow">${alarm.value}</p><button class="link" type="button" onClick=${() => { alarm.value = ''; }}>Dismiss</button>`}</div>`;
}
