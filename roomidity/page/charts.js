// Charts as SVG, drawn at the width that they have on the screen: colours, dark mode and sizes of text are CSS's.

const SVG = 'http://www.w3.org/2000/svg';
const [LEFT, RIGHT, TOP, BOTTOM] = [40, 8, 8, 20];
const HOUR = 3600000;

export function shape(tag, attributes, text) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

// A line through points of time and value, broken where a value is null.
function line(points, x, y) {
  let drawn = '';
  let on = false;
  for (const [time, value] of points) {
    if (value === null) on = false;
    else {
      drawn += `${on ? 'L' : 'M'}${x(time).toFixed(1)} ${y(value).toFixed(1)}`;
      on = true;
    }
  }
  return drawn;
}

function area(band, x, y) {
  if (!band.length) return '';
  const up = band.map(([time, , , high]) => `${x(time).toFixed(1)} ${y(high).toFixed(1)}`);
  const down = band.map(([time, low]) => `${x(time).toFixed(1)} ${y(low).toFixed(1)}`).reverse();
  return `M${up.concat(down).join('L')}Z`;
}

function ticks(low, high) {
  const step = [1, 2, 5, 10, 20, 50].find((one) => (high - low) / one <= 4) || 100;
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high; value += step) found.push(value);
  return found;
}

const within = (points, from, to) => points.filter(([time]) => time >= from && time <= to);

// Draws a quantity into a figure's svg, so many pixels wide. `of` has actual, then, ahead, from, to, now, quantity, label,
// clock, day, number.
export function draw(svg, of, pixels) {
  const width = Math.max(pixels, 240);
  const height = of.height || 140;
  svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
  svg.setAttribute('height', height);
  svg.setAttribute('class', of.quantity);
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', of.label);
  const actual = within(of.actual, of.from, of.to);
  const then = within(of.then || [], of.from, of.to);
  const ahead = within(of.ahead || [], of.from, of.to);
  const values = [
    ...actual.map(([, value]) => value).filter((value) => value !== null),
    ...[...then, ...ahead].flatMap(([, low, , high]) => [low, high]),
  ];
  const [least, most] = values.length ? [Math.min(...values), Math.max(...values)] : [0, 1];
  const room = Math.max((of.span - (most - least)) / 2, (most - least) * 0.05);
  const [low, high] = [least - room, most + room];
  const x = (time) => LEFT + ((time - of.from) / (of.to - of.from)) * (width - LEFT - RIGHT);
  const y = (value) => TOP + ((high - value) / (high - low)) * (height - TOP - BOTTOM);
  const parts = [];
  for (const value of ticks(low, high)) {
    parts.push(shape('path', { class: 'grid', d: `M${LEFT} ${y(value)}H${width - RIGHT}` }));
    parts.push(shape('text', { x: LEFT - 5, y: y(value) + 4, 'text-anchor': 'end' }, of.number(value)));
  }
  const hours = (of.to - of.from) / HOUR;
  const every = [1, 3, 6, 12, 24, 48].find((one) => (hours / one) * 58 <= width - LEFT) || 48;
  for (let time = Math.ceil(of.from / HOUR) * HOUR; time <= of.to; time += HOUR) {
    const hour = of.hour(time);
    const isDay = hour === 0;
    if (every >= 24 ? !isDay || (every === 48 && of.dayNumber(time) % 2) : hour % every) continue;
    parts.push(shape('path', { class: 'grid', d: `M${x(time)} ${TOP}V${height - BOTTOM}` }));
    const text = isDay ? of.day(time) : of.clock(time);
    if (x(time) < width - 24) parts.push(shape('text', { x: x(time), y: height - 5, 'text-anchor': 'middle' }, text));
  }
  parts.push(shape('path', { class: 'thenband', d: area(then, x, y) }));
  parts.push(shape('path', { class: 'band', d: area(ahead, x, y) }));
  parts.push(shape('path', { class: 'middle', d: line(ahead.map(([time, , middle]) => [time, middle]), x, y) }));
  parts.push(shape('path', { class: 'actual', d: line(actual, x, y) }));
  if (of.now > of.from && of.now < of.to) {
    parts.push(shape('path', { class: 'nowline', d: `M${x(of.now)} ${TOP}V${height - BOTTOM}` }));
  }
  svg.replaceChildren(...parts);
  return { time: (at) => of.from + ((at - LEFT) / (width - LEFT - RIGHT)) * (of.to - of.from), left: LEFT, top: TOP, height: height - TOP - BOTTOM };
}

// What a finger or mouse drags over a chart becomes the span that it shows.
export function draggable(svg, axis, choose) {
  let begin = null;
  let mark = null;
  const at = (event) => event.clientX - svg.getBoundingClientRect().left;
  const end = (event) => {
    if (begin === null) return;
    const [from, to] = [begin, at(event)].sort((a, b) => a - b);
    begin = null;
    mark.remove();
    if (event.type === 'pointerup' && to - from > 12) choose(axis.time(from), axis.time(to));
  };
  svg.addEventListener('pointerdown', (event) => {
    if (event.button) return;
    begin = at(event);
    mark = shape('rect', { class: 'pick', x: begin, y: axis.top, width: 0, height: axis.height });
    svg.append(mark);
    svg.setPointerCapture(event.pointerId);
  });
  svg.addEventListener('pointermove', (event) => {
    if (begin === null) return;
    mark.setAttribute('x', Math.min(begin, at(event)));
    mark.setAttribute('width', Math.abs(at(event) - begin));
  });
  svg.addEventListener('pointerup', end);
  svg.addEventListener('pointercancel', end);
}
