// What a room is advised: a line for its card, and the day as a plan. Words of the advice itself are the house's own.

import { shape } from './charts.js';
import { say } from './words.js';

const DAY = 86400000;
const MINUTE = 60000;
const [HEIGHT, LANE, GAP] = [74, 16, 6];

// What to do now. A window that was to be closed by now is, whether or not anything newer was heard.
export function now(advice, at) {
  if (!advice || !advice.issued_at || at - Date.parse(advice.issued_at) > 90 * MINUTE) return null;
  const isOver = advice.action === 'open' && Date.parse(advice.until) <= at;
  return { action: isOver ? 'close' : advice.action, text: isOver ? say('closeNow') : advice.text };
}

// Spans of the day by lane, airings first, of what lies in the day that begins `from`.
export function spans(advice, from) {
  const end = (time, minutes) => Date.parse(time) + minutes * MINUTE;
  const found = advice.plan.airings.map((one) => ({ lane: 0, from: Date.parse(one.at), to: end(one.at, one.minutes), text: one.text }));
  for (const one of advice.dehumidifier ? advice.dehumidifier.runs : []) {
    found.push({ lane: 1, from: Date.parse(one.start), to: Date.parse(one.end), text: '' });
  }
  return found.filter((one) => one.to > from && one.from < from + DAY);
}

// Draws the 24 hours from an hour before now; `of` has now, label, hour and clock.
export function timeline(advice, of, pixels) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const width = Math.max(pixels, 240);
  const from = of.now - 60 * MINUTE;
  const x = (time) => ((time - from) / DAY) * width;
  for (const [name, value] of Object.entries({ viewBox: `0 0 ${width} ${HEIGHT}`, height: HEIGHT, class: 'day', role: 'img', 'aria-label': of.label })) svg.setAttribute(name, value);
  for (let time = Math.ceil(from / (60 * MINUTE)) * 60 * MINUTE; time < from + DAY; time += 60 * MINUTE) {
    if (of.hour(time) % (width < 480 ? 6 : 3)) continue;
    svg.append(shape('path', { class: 'grid', d: `M${x(time)} 0V${HEIGHT - 18}` }));
    if (x(time) > 18 && x(time) < width - 18) svg.append(shape('text', { x: x(time), y: HEIGHT - 3, 'text-anchor': 'middle' }, of.clock(time)));
  }
  for (const one of spans(advice, from)) {
    const left = Math.max(x(one.from), 0);
    const bar = shape('rect', { class: one.lane ? 'run' : 'airs', x: left, y: 8 + one.lane * (LANE + GAP), width: Math.max(Math.min(x(one.to), width) - left, 5), height: LANE, rx: 3 });
    bar.append(shape('title', {}, one.text || `${of.clock(one.from)}–${of.clock(one.to)}`));
    svg.append(bar);
  }
  svg.append(shape('path', { class: 'nowline', d: `M${x(of.now)} 0V${HEIGHT - 18}` }));
  return svg;
}
