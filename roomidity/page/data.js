// What the API says, asked for by the token of the link, which is nowhere else: not in a query, not in storage.

export class Refused extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

const DAY = 86400000;

async function ask(token, path, query = {}, cache = 'default') {
  const url = new URL(`v1/house${path}`, location.href.split('#')[0]);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  const answer = await fetch(url, {
    headers: { Authorization: `Bearer ${token}` },
    credentials: 'omit',
    cache,
    referrerPolicy: 'no-referrer',
    signal: AbortSignal.timeout(20000),
  });
  if (answer.ok) return answer.json();
  const problem = await answer.json().catch(() => ({}));
  throw new Refused(answer.status, problem.detail || String(answer.status));
}

const slot = (ms) => `${new Date(ms - (ms % 900000)).toISOString().slice(0, 16)}Z`;

// Observations of a span: by room and quantity, points of time (ms) and value; gaps are null.
async function observed(token, query) {
  const found = new Map();
  let cursor;
  do {
    const part = await ask(token, '/observations', cursor ? { ...query, cursor } : query);
    const first = Date.parse(part.first_slot);
    for (const room of part.rooms) {
      const series = found.get(room.room) || { humidity: [], temperature: [] };
      for (const quantity of ['humidity', 'temperature']) {
        const values = (room[quantity] && room[quantity].value) || [];
        values.forEach((value, number) => series[quantity].push([first + number * part.step_s * 1000, value]));
      }
      found.set(room.room, series);
    }
    cursor = part.cursor;
  } while (cursor);
  return found;
}

const course = (forecast, quantity) => {
  if (!forecast || !forecast[quantity]) return null;
  const first = Date.parse(forecast.first_slot);
  const { p10, p50, p90 } = forecast[quantity];
  return p50.map((middle, number) => [first + number * forecast.step_s * 1000, p10[number], middle, p90[number]]);
};

// The share of what was measured that lay within a band, and of how many values.
export function inside(band, actual) {
  const known = new Map(actual.filter(([, value]) => value !== null));
  const met = (band || []).filter(([time]) => known.has(time));
  const hits = met.filter(([time, low, , high]) => known.get(time) >= low && known.get(time) <= high);
  return { count: met.length, share: met.length ? hits.length / met.length : null };
}

// All that the list of rooms shows. What happened is asked for anew only where there is a slot or a forecast more than in
// what was known `before`.
export async function house(token, before) {
  const answer = await ask(token, '/forecasts', {}, 'no-store'); // a kept answer would have its clock's time
  const now = Date.parse(answer.now);
  const advice = await ask(token, '/advice').catch(() => ({ rooms: [] })); // without it the page has all else
  const advised = new Map(advice.rooms.map((room) => [room.room, { ...room, issued_at: advice.issued_at }]));
  const made = [slot(now), ...answer.rooms.map((room) => room.forecast && room.forecast.issued_at)].join();
  const [happened, issued, told] = before && before.made === made ? before.past : await Promise.all([
    observed(token, { from: slot(now - DAY), to: slot(now + 900000) }),
    ask(token, '/forecasts', { issued_at: slot(now - DAY) }),
    ask(token, '/notices').catch(() => ({ open: [] })), // without them the page has all else
  ]);
  const then = new Map(issued.rooms.map((room) => [room.room, room.forecast]));
  const rooms = answer.rooms.map((room) => ({
    ...room,
    name: room.room,
    actual: happened.get(room.room) || { humidity: [], temperature: [] },
    ahead: { humidity: course(room.forecast, 'humidity'), temperature: course(room.forecast, 'temperature') },
    told: told.open.filter((one) => one.room === room.room),
    advice: advised.get(room.room) || null,
    then: { humidity: course(then.get(room.room), 'humidity'), temperature: course(then.get(room.room), 'temperature') },
  }));
  const concern = (room) => (room.outdoor ? -1 : (room.derived.concern ?? 0));
  rooms.sort((a, b) => concern(b) - concern(a) || a.name.localeCompare(b.name));
  return { house: answer.house, zone: answer.timezone, now, replayed: answer.replayed, rooms, told: told.open.filter((one) => one.room === null), limits: advice.rooms.length ? `${advice.effect} ${advice.limits}` : '', made, past: [happened, issued, told], fetched: Date.now() };
}

// A week of what a room measured.
export async function week(token, name, now) {
  const found = await observed(token, { room: name, from: slot(now - 7 * DAY), to: slot(now + 900000) });
  return found.get(name) || { humidity: [], temperature: [] };
}
