// The page: the rooms of a house, the worst first, and one of them with its week. Names come from outside: they are text,
// never markup.

import { now as adviceNow, timeline } from './advice.js';
import { draggable, draw } from './charts.js';
import { Refused, house, inside, week } from './data.js';
import { age, language, number, say, when } from './words.js';

const HOUR = 3600000;
const EVERY_MS = 5 * 60000;
const OLD_MS = 45 * 60000;
const QUANTITIES = ['humidity', 'temperature'];

const view = { data: null, trouble: null, week: null, span: null, fahrenheit: localStorage.getItem('unit') === 'f' };
const at = (id) => document.getElementById(id);

function made(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false) element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// The fragment: the token, and after an & the room that is shown.
function asked() {
  const [token, room] = location.hash.slice(1).split('&room=');
  let name = null;
  try {
    name = room === undefined ? null : decodeURIComponent(room);
  } catch {
    name = null;
  }
  return { token: /^rm1\.[^&#\s]+$/.test(token) ? token : null, room: name };
}
const linkTo = (room) => `#${asked().token}${room === null ? '' : `&room=${encodeURIComponent(room)}`}`;

const degrees = (celsius) => (view.fahrenheit ? celsius * 1.8 + 32 : celsius);
const unit = () => (view.fahrenheit ? '°F' : '°C');
const shown = {
  humidity: (value) => `${number(value)}\u00a0%`,
  temperature: (value) => `${number(degrees(value), view.fahrenheit ? 0 : 1)}\u00a0${unit()}`,
};
const zone = () => view.data.zone;
const clock = (time) => when(zone(), { hour: '2-digit', minute: '2-digit' }, time);
const date = (time) => when(zone(), { day: 'numeric', month: 'short' }, time);
const moment = (time) => when(zone(), { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' }, time);
const dayText = (iso) => when('UTC', { day: 'numeric', month: 'short', year: 'numeric' }, Date.parse(iso));
// The data's clock now: what the answer said, and the time since, unless they are replayed.
const clockNow = () => view.data.now + (view.data.replayed ? 0 : Date.now() - view.data.fetched);

function comfort(room) {
  const of = room.derived.comfort;
  if (!of) return { word: say('word.unknown'), severity: 'old', why: say('noComfort') };
  const reasons = of.why.map(({ quantity, value, limit }) => {
    const text = quantity === 'mixing_ratio' ? (one) => say('grams', { n: number(one, 1) }) : shown[quantity];
    const what = quantity === 'mixing_ratio' ? say('water') : say(quantity);
    return say(value > limit ? 'above' : 'below', { what, value: text(value), limit: text(limit) });
  });
  const fine = of.humidity_category ? say('fine', { category: of.humidity_category }) : say('fineOne');
  return { word: say(`word.${of.word}`) || of.word, severity: `s${of.severity}`, why: `${reasons.length ? reasons.join('; ') : fine}.` };
}

function newest(room, quantity) {
  const of = room[quantity];
  if (!of) return null;
  const since = clockNow() - Date.parse(of.measured_at);
  return made('span', { class: since > OLD_MS ? 'old' : undefined }, shown[quantity](of.value), made('small', {}, say(quantity)));
}

function measured(room) {
  const times = QUANTITIES.filter((one) => room[one]).map((one) => Date.parse(room[one].measured_at));
  return times.length ? say('measured', { age: age(clockNow() - Math.max(...times)) }) : say('never');
}

function mouldLevel(index) {
  if (index <= 0) return 'none';
  if (index < 1) return 'few';
  if (index < 3) return 'microscope';
  return index < 4 ? 'visible' : 'much';
}

function facts(room) {
  const { dew_point_c: dew, surface, mould } = room.derived;
  const rows = [];
  if (dew !== undefined) rows.push([say('dew'), shown.temperature(dew)]);
  if (surface) {
    const spot = { humidity: shown.humidity(surface.humidity), temperature: shown.temperature(surface.temperature_c), f: number(surface.f_rsi, 2) };
    const hours = { past: number(surface.risk_hours_past), ahead: number(surface.risk_hours_ahead ?? 0), most: number(surface.risk_hours_ahead_p90 ?? 0) };
    rows.push([say('surface'), `${say('surfaceNow', spot)}. ${say(surface.risk_hours_ahead === null ? 'riskPast' : 'risk', hours)}`]);
  }
  if (mould) {
    const index = { index: number(mould.index, 1), level: say(`level.${mouldLevel(mould.index)}`), since: dayText(mould.since), through: dayText(mould.through) };
    rows.push([say('mould'), say('mouldIs', index)]);
  }
  rows.push([say('forecastOf'), grades(room)]);
  const adds = room.forecast ? Object.values(room.forecast.weather_adds) : [];
  if (adds.length) rows.push([say('weatherAdds'), adds.map((one) => one.text).join('; ')]);
  return made('dl', {}, rows.map(([term, text]) => [made('dt', {}, term), made('dd', {}, text)]));
}

// What there is to tell, in the house's own language.
function told(notices) {
  return notices.map((one) => made('p', { class: 'told' }, one.text));
}

// What to do now: what the room is advised, which knows when it was aired last, or else what the air alone says.
function airing(room) {
  const advised = adviceNow(room.advice, clockNow());
  if (advised) return made('p', { class: `airing ${advised.action}` }, `${say('air')} ${advised.text}`);
  const of = room.derived.airing;
  if (!of) return null;
  const grams = { inside: number(of.inside_g_m3, 1), outside: number(of.outside_g_m3, 1) };
  return made('p', { class: 'airing' }, `${say('air')} `, say(`airing.${of.verdict}`, grams));
}

// The plan of the day: its hours as a drawing, and in words.
function plan(room) {
  const { advice } = room;
  if (!advice || !adviceNow(advice, clockNow())) return null;
  const label = say('planOf', { room: room.name });
  const of = { now: clockNow(), label, clock, hour: (time) => part({ hour: 'numeric', hourCycle: 'h23' }, time) % 24 };
  const figure = made('figure', {});
  charts.push([figure, (pixels) => figure.replaceChildren(timeline(advice, of, pixels))]);
  const more = [advice.cellar, advice.dehumidifier].filter(Boolean).map((one) => one.text).concat((advice.aired || []).map((one) => one.text));
  return made('section', { 'aria-labelledby': 'plan' },
    made('h3', { id: 'plan' }, say('plan')), figure,
    made('ul', {}, [...advice.plan.lines, ...more].map((one) => made('li', {}, one))),
    made('p', { class: 'why' }, view.data.limits));
}

function grades(room) {
  if (!room.forecast) return say('noForecast');
  const all = Object.entries(room.forecast.grade);
  const same = new Set(all.map(([, grade]) => grade)).size === 1;
  const word = (grade) => say(`grade.${grade}`) || grade;
  const text = same ? word(all[0][1]) : all.map(([quantity, grade]) => `${say(quantity) || quantity}: ${word(grade)}`).join('; ');
  const weather = room.forecast.weather;
  const ahead = weather ? `; ${say('weather', { time: moment(Date.parse(weather.issued_at)) })}` : '';
  return `${text} (${say('issued', { time: moment(Date.parse(room.forecast.issued_at)) })})${ahead}`;
}

// What contacts reported more than 12 hours before is not read, so that a window may have been open for longer.
function windowOpen({ issued_at, window }) {
  const since = Date.parse(window.open_since);
  return say(Date.parse(issued_at) - since > 645 * 60_000 ? 'windowOpenLong' : 'windowOpen', { time: clock(since) });
}

function notes(room) {
  const lines = (room.forecast ? room.forecast.notes : []).map((note) => say(`note.${note.code}`) || note.found);
  const missing = (room.derived.missing || []).map((one) => say(`missing.${one}`)).filter(Boolean);
  return [
    lines.length ? made('div', { class: 'notes' }, made('strong', {}, say('notes')), made('ul', {}, lines.map((one) => made('li', {}, one)))) : null,
    missing.map((one) => made('p', { class: 'why' }, one)),
    room.forecast?.window ? made('p', { class: 'why' }, windowOpen(room.forecast)) : null,
  ];
}

function yesterday(room) {
  const shares = QUANTITIES.filter((quantity) => room[quantity]).map((quantity) => [quantity, inside(room.then[quantity], room.actual[quantity])]);
  const known = shares.filter(([, met]) => met.count).map(([quantity, met]) => say(`share.${quantity}`, { n: number(100 * met.share) }));
  return made('p', { class: 'why' }, known.length ? say('yesterday', { shares: known.join(', ') }) : say('noYesterday'));
}

function label(room, quantity) {
  const value = room[quantity] ? say('nowIs', { value: shown[quantity](room[quantity].value) }) : say('nowUnknown');
  const words = { what: say(quantity), room: room.name, now: value };
  const ahead = room.ahead[quantity];
  if (!ahead) return say('chartPast', words);
  const low = shown[quantity](Math.min(...ahead.map((one) => one[1])));
  const high = shown[quantity](Math.max(...ahead.map((one) => one[3])));
  return say('chart', { ...words, low, high, end: shown[quantity](ahead[ahead.length - 1][2]) });
}

const charts = [];
const parts = new Map();

// A number of a time in the house's zone; every chart asks for the same ones.
function part(options, time) {
  const key = `${zone()} ${Object.keys(options)[0]} ${time}`;
  if (!parts.has(key)) {
    if (parts.size > 5000) parts.clear();
    parts.set(key, Number(when(zone(), options, time).replace(/\D/g, '')));
  }
  return parts.get(key);
}

function chart(room, quantity, { caption, actual, then, span, height, choose }) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const scale = quantity === 'temperature' ? degrees : (value) => value;
  const scaled = (band) => (band || []).map(([time, ...values]) => [time, ...values.map((one) => (one === null ? null : scale(one)))]);
  const of = {
    quantity, height, label: label(room, quantity), now: clockNow(),
    actual: scaled(actual), then: scaled(then), ahead: scaled(room.ahead[quantity]),
    span: quantity === 'humidity' ? 10 : 2, from: span[0], to: span[1],
    number: (value) => number(value), clock, day: date,
    hour: (time) => part({ hour: 'numeric', hourCycle: 'h23' }, time) % 24,
    dayNumber: (time) => part({ day: 'numeric' }, time),
  };
  const figure = made('figure', {}, svg, made('figcaption', {}, `${caption} (${quantity === 'humidity' ? '%' : unit()})`));
  charts.push([figure, (pixels) => {
    const axis = draw(svg, of, pixels);
    if (choose && !svg.dataset.ready) {
      svg.dataset.ready = '1';
      draggable(svg, axis, choose);
    }
  }]);
  return figure;
}

// All widths are read before anything is drawn: in turns, each would lay out the whole page anew.
function drawCharts() {
  const widths = charts.map(([figure]) => figure.clientWidth);
  charts.forEach(([, one], place) => one(widths[place]));
}

function card(room) {
  const id = `room-${encodeURIComponent(room.name)}`;
  const of = comfort(room);
  const now = clockNow();
  return made('li', {},
    made('article', { 'aria-labelledby': id },
      made('div', { class: 'top' },
        made('h2', { id }, made('a', { href: linkTo(room.name), id: `to-${id}` }, room.name)),
        room.outdoor ? made('span', { class: 'age' }, say('outside')) : made('span', { class: `word ${of.severity}` }, of.word)),
      made('p', { class: 'now' }, QUANTITIES.map((quantity) => newest(room, quantity))),
      made('p', { class: 'age' }, measured(room)),
      told(room.told),
      room.outdoor ? null : [made('p', { class: 'why' }, of.why), airing(room)],
      QUANTITIES.filter((quantity) => room[quantity] || room.ahead[quantity]).map((quantity) =>
        chart(room, quantity, {
          caption: say('caption', { what: say(quantity) }), actual: room.actual[quantity], then: room.then[quantity],
          span: [now - 24 * HOUR, now + 24 * HOUR],
        })),
      room.outdoor ? null : [yesterday(room), facts(room), notes(room)]));
}

function table(room) {
  const rows = QUANTITIES.filter((quantity) => room.ahead[quantity]);
  if (!rows.length) return null;
  const times = room.ahead[rows[0]].map(([time]) => time).filter((_, place) => place % 4 === 0);
  return made('details', {}, made('summary', {}, say('table')),
    made('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': say('table') }, made('table', {},
      made('thead', {}, made('tr', {}, made('th', { scope: 'col' }, say('hour')),
        rows.flatMap((quantity) => ['low', 'middle', 'high'].map((one) => made('th', { scope: 'col' }, `${say(quantity)}, ${say(one)}`))))),
      made('tbody', {}, times.map((time, place) => made('tr', {}, made('th', { scope: 'row' }, moment(time)),
        rows.flatMap((quantity) => room.ahead[quantity][place * 4].slice(1).map((value) => made('td', {}, shown[quantity](value))))))))));
}

const whole = (now) => [now - 168 * HOUR, now + 24 * HOUR];

function zoom(factor, shift) {
  const all = whole(clockNow());
  const [from, to] = view.span || all;
  const middle = (from + to) / 2 + shift * (to - from);
  const half = Math.min(Math.max(((to - from) * factor) / 2, 1.5 * HOUR), (all[1] - all[0]) / 2);
  const begin = Math.min(Math.max(middle - half, all[0]), all[1] - 2 * half);
  view.span = [begin, begin + 2 * half];
  render();
}

const KEYS = { '+': [0.5, 0], '=': [0.5, 0], '-': [2, 0], ArrowLeft: [1, -0.25], ArrowRight: [1, 0.25] };

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === 'Home') view.span = null;
  else if (!KEYS[event.key]) return;
  event.preventDefault();
  if (event.key === 'Home') render();
  else zoom(...KEYS[event.key]);
}

function detail(room) {
  const of = comfort(room);
  const now = clockNow();
  const span = view.span || whole(now);
  const past = view.week && view.week.name === room.name ? view.week.of : room.actual;
  const choose = (from, to) => {
    view.span = [from, Math.max(to, from + 3 * HOUR)];
    render();
  };
  const button = (id, onclick) => made('button', { type: 'button', id: `zoom-${id}`, onclick }, say(id));
  return [
    made('p', {}, made('a', { href: linkTo(null), id: 'back' }, `← ${say('back')}`)),
    made('article', { 'aria-labelledby': 'room' },
      made('div', { class: 'top' }, made('h2', { id: 'room', tabindex: '-1' }, room.name),
        room.outdoor ? made('span', { class: 'age' }, say('outside')) : made('span', { class: `word ${of.severity}` }, of.word)),
      made('p', { class: 'now' }, QUANTITIES.map((quantity) => newest(room, quantity))),
      made('p', { class: 'age' }, measured(room)),
      told(room.told),
      room.outdoor ? null : [made('p', { class: 'why' }, of.why), airing(room)],
      room.outdoor ? null : plan(room),
      made('div', { class: 'tools', role: 'group', 'aria-label': say('zoomIn') },
        button('zoomIn', () => zoom(0.5, 0)), button('zoomOut', () => zoom(2, 0)),
        button('earlier', () => zoom(1, -0.25)), button('later', () => zoom(1, 0.25)),
        button('all', () => { view.span = null; render(); })),
      made('p', { class: 'why' }, say('keys')),
      made('div', { id: 'charts', tabindex: '0', role: 'group', 'aria-label': say('keys'), onkeydown: onKey },
        QUANTITIES.filter((quantity) => room[quantity] || room.ahead[quantity] || past[quantity].some((one) => one[1] !== null)).map((quantity) =>
          chart(room, quantity, {
            caption: say('captionWeek', { what: say(quantity) }), actual: past[quantity], then: room.then[quantity], span, height: 240, choose,
          }))),
      room.outdoor ? null : [yesterday(room), facts(room), notes(room), table(room)]),
  ];
}

function entry() {
  const field = made('input', { id: 'link', name: 'link', autocomplete: 'off', spellcheck: 'false' });
  const submit = (event) => {
    event.preventDefault();
    const found = /rm1\.[^&#\s]+/.exec(field.value);
    if (found) location.hash = found[0];
    else field.focus();
  };
  return made('form', { onsubmit: submit }, made('label', { for: 'link' }, say('link')), field, made('button', {}, say('open')));
}

function state() {
  const { data, trouble } = view;
  const line = at('state');
  let text = say('loading');
  if (['noToken', 'refused', 'empty'].includes(trouble)) text = say(trouble);
  else if (trouble) {
    const words = data ? { why: trouble.why, time: moment(data.now), age: age(Date.now() - data.fetched) } : { why: trouble.why };
    text = say(`${trouble.kind}${data ? '' : 'Empty'}`, words);
  } else if (data) text = say(data.replayed ? 'replayed' : 'fresh', { time: moment(data.now) });
  if (line.textContent !== text) line.textContent = text; // a screen reader speaks only what is new
  line.className = trouble && trouble !== 'empty' ? 'trouble' : '';
}

function render() {
  const { data, trouble } = view;
  const focused = document.activeElement && document.activeElement.id;
  const opened = document.querySelector('details')?.open;
  charts.length = 0;
  state();
  at('unit').textContent = say(view.fahrenheit ? 'toC' : 'toF');
  at('title').textContent = data ? data.house : 'roomidity';
  const name = asked().room;
  const room = data && data.rooms.find((one) => one.name === name);
  document.title = data ? `${room ? `${room.name} – ` : ''}${data.house} – roomidity` : 'roomidity';
  let content = [];
  if (trouble === 'noToken' || trouble === 'refused') content = [entry()];
  else if (data && !data.rooms.length) content = [made('p', { class: 'box' }, say('empty'))];
  else if (room) content = detail(room);
  else if (data) {
    content = [
      name === null ? null : made('p', { class: 'box' }, say('noRoom', { room: name })),
      ...told(data.told),
      made('ul', { class: 'rooms', role: 'list', 'aria-label': say('rooms') }, data.rooms.map(card)),
    ].filter(Boolean);
  }
  at('main').replaceChildren(...content);
  at('foot').textContent = data && data.rooms.length ? `${say('foot')} ${room ? '' : say('why')}` : '';
  if (data && data.rooms.some((one) => one.forecast && one.forecast.weather)) {
    const source = made('a', { href: 'https://open-meteo.com/', rel: 'noreferrer' }, 'Weather data by Open-Meteo.com');
    at('foot').append(' ', say('weatherBy'), ' ', source, ' (CC BY 4.0)');
  }
  if (opened && document.querySelector('details')) document.querySelector('details').open = true;
  drawCharts();
  if (focused && at(focused)) at(focused).focus({ preventScroll: true });
}

let timer = null;
let round = 0;

async function refresh() {
  clearTimeout(timer);
  const { token, room } = asked();
  const mine = (round += 1);
  if (!token) {
    Object.assign(view, { data: null, trouble: 'noToken' });
    render();
    return;
  }
  try {
    const data = await house(token, view.data);
    if (mine !== round) return;
    const past = room !== null && data.rooms.some((one) => one.name === room) ? { name: room, of: await week(token, room, data.now) } : view.week;
    if (mine !== round) return;
    Object.assign(view, { data, week: past, trouble: null });
  } catch (error) {
    if (mine !== round) return;
    const isRefused = error instanceof Refused && [401, 403].includes(error.status);
    if (isRefused) Object.assign(view, { data: null, week: null, trouble: 'refused' });
    else if (error instanceof Refused && error.status === 404 && !view.data) view.trouble = 'empty';
    else view.trouble = { kind: error instanceof Refused ? 'failed' : 'offline', why: error instanceof Refused ? String(error.status) : '' };
    if (isRefused) {
      render();
      return;
    }
  }
  render();
  timer = setTimeout(refresh, view.trouble ? 30000 : EVERY_MS);
}

async function turn() {
  if (asked().token !== turn.token) {
    turn.token = asked().token;
    Object.assign(view, { data: null, week: null, span: null, trouble: null });
    render();
    await refresh();
    return;
  }
  view.span = null;
  render();
  scrollTo(0, 0);
  (at('room') || at('main')).focus({ preventScroll: true });
  const { token, room } = asked();
  if (view.data && view.data.rooms.some((one) => one.name === room)) {
    try {
      const of = await week(token, room, view.data.now);
      if (asked().room === room) view.week = { name: room, of };
    } catch {
      return; // the day that is there stays
    }
    render();
  }
}

document.documentElement.lang = language;
at('skip').textContent = say('skip');
at('skip').addEventListener('click', (event) => {
  event.preventDefault();
  at('main').focus();
});
at('unit').addEventListener('click', () => {
  view.fahrenheit = !view.fahrenheit;
  localStorage.setItem('unit', view.fahrenheit ? 'f' : 'c');
  render();
});
addEventListener('hashchange', turn);
addEventListener('online', refresh);
addEventListener('offline', () => {
  if (view.data) view.trouble = { kind: 'offline', why: '' };
  render();
});
document.addEventListener('visibilitychange', () => {
  if (!document.hidden && view.data && Date.now() - view.data.fetched > EVERY_MS) refresh();
});
let width = innerWidth;
addEventListener('resize', () => {
  if (innerWidth !== width) drawCharts();
  width = innerWidth;
});
setInterval(() => {
  if (view.data && !document.hidden) state();
}, 60000);
turn.token = undefined;
turn();
