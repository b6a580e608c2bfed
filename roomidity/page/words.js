// Every word that the page says, in English and German; what stands in braces is filled in.

const EN = {
  skip: 'Skip to the rooms', loading: 'Loading …', rooms: 'Rooms', back: 'All rooms',
  toF: 'Show °F', toC: 'Show °C',
  fresh: 'Up to date, {time}', replayed: 'Replayed data, as of {time}',
  offline: 'No connection. What you see is from {time}, {age} ago; it is asked for again by itself.',
  failed: 'The service does not answer ({why}). What you see is from {time}, {age} ago; it is asked for again by itself.',
  offlineEmpty: 'No connection; it is asked for again by itself.',
  failedEmpty: 'The service does not answer ({why}); it is asked for again by itself.',
  refused: 'This link opens no house: its token is wrong, was revoked or has expired. Ask whoever runs roomidity for a new one.',
  noToken: 'This link has no token. Open the link that you were given, or paste it here.',
  link: 'Link or token', open: 'Open',
  empty: 'Nothing was heard of this house yet. Its rooms appear with their first readings.',
  noRoom: 'There is no room “{room}” in this house.',
  outside: 'outside', ago: '{age} ago', measured: 'measured {age} ago', never: 'not measured',
  minutes: '{n} min', hours: '{n} h', days: '{n} days',
  humidity: 'Humidity', temperature: 'Temperature',
  word: {
    comfortable: 'Comfortable', very_dry: 'Very dry', dry: 'Dry', humid: 'Humid', damp: 'Damp', muggy: 'Muggy',
    cold: 'Cold', cool: 'Cool', warm: 'Warm', hot: 'Hot', unknown: 'Not known',
  },
  above: '{what} {value} is above {limit}', below: '{what} {value} is below {limit}',
  water: 'Water in the air', grams: '{n} g/kg',
  fine: 'Humidity and temperature are within what EN 16798-1 recommends (humidity: category {category})',
  fineOne: 'Within what EN 16798-1 recommends',
  noComfort: 'No value of the last 3 hours',
  plan: 'Plan of the day', planOf: '{room}: hours to air and to dehumidify in the next 24 h',
  closeNow: 'Close: it was to be open until now, and nothing newer is known.',
  dew: 'Dew point', air: 'Air now?', surface: 'Coldest surface', mould: 'Mould', forecastOf: 'Forecast',
  airing: {
    yes: 'Yes: {inside} g/m³ of water inside, {outside} outside. Airing dries.',
    not_needed: 'Not needed: the room is dry enough ({inside} g/m³ of water inside, {outside} outside).',
    outside_wetter: 'No: it is as wet outside ({outside} g/m³) as inside ({inside}). Airing would not dry.',
    too_dry: 'No: the room is dry, and airing would dry it more ({inside} g/m³ of water inside, {outside} outside).',
    too_cold: 'Heat first: the room is too cold to air, though it is drier outside ({inside} g/m³ inside, {outside} outside).',
  },
  surfaceNow: '{humidity} at {temperature} (f_Rsi {f})',
  risk: 'Over 80 % there: {past} h of the last 24, {ahead} h of the next 24 by the middle of the forecast, up to {most} h by its upper edge. The temperature outside ahead is taken to stay at its mean of 12 h.',
  riskPast: 'Over 80 % there: {past} h of the last 24.',
  mouldIs: 'Index {index} of 6: {level}. Computed, since {since}, through {through}.',
  level: { none: 'nothing grows', few: 'less than a microscope shows', microscope: 'seen by a microscope alone', visible: 'may be visible', much: 'may cover much of the surface' },
  missing: {
    outdoor: 'No sensor outside: coldest surface, mould and “air now?” need one, in the room “outdoor”.',
    outdoor_stale: 'The sensor outside is silent: coldest surface and “air now?” need it.',
    outdoor_humidity: 'No humidity outside: “air now?” needs it.',
    outdoor_temperature: 'No temperature outside: coldest surface, mould and “air now?” need it.',
    humidity: 'The room measures no humidity: dew point, coldest surface, mould and “air now?” need it.',
    temperature: 'The room measures no temperature: dew point, coldest surface, mould and “air now?” need it.',
    stale: 'No value of the last 3 hours: what follows from it is left out.',
    night: 'Mould is computed every night; not yet for this room.',
  },
  grade: {
    full: 'by a model of this house', prior: 'by the model shipped with roomidity; the house’s own is not trained yet',
    sparse: 'few readings lately, so less certain', persistence: 'no reading that is believed for hours, so the last value goes on',
  },
  noForecast: 'no forecast', both: 'both', issued: 'issued {time}',
  weather: 'weather issued {time}', weatherAdds: 'The weather adds', weatherBy: 'The weather ahead is the house’s own gateway’s, or',
  note: {
    stuck: 'A value stands still: restart or replace the sensor.', spiking: 'Wild values were left out: check battery and contacts.',
    dead: 'A sensor is silent: check its battery and its distance from the gateway.', late: 'Readings come late: check the gateway’s network.',
    clock: 'The times of the readings are off: set the gateway’s clock.', zone: 'The times are off by a time zone: send them with their offset.',
    unit: 'Readings were refused: they are in another unit.', rejected: 'Many readings are refused.',
  },
  notes: 'To look at',
  windowOpen: 'Forecast with the window open (since {time}); when it will be closed is not known.',
  windowOpenLong: 'Forecast with the window open (since {time} or before); when it will be closed is not known.',
  chart: '{what} in {room}: {now}. Next 24 hours: {low} to {high}, most likely {end} at the end.',
  chartPast: '{what} in {room}: {now}.', nowIs: 'now {value}', nowUnknown: 'now not known',
  caption: '{what}: measured, next 24 h with its band, and grey what was forecast yesterday',
  captionWeek: '{what}: the last 7 days and the next 24 hours with its band',
  yesterday: 'Yesterday’s forecast: {shares} lay inside its band (it promises 8 of 10).',
  share: { humidity: '{n}\u00a0% of the humidity', temperature: '{n}\u00a0% of the temperature' },
  noYesterday: 'Yesterday’s forecast: nothing to compare yet.',
  zoomIn: 'Zoom in', zoomOut: 'Zoom out', earlier: 'Earlier', later: 'Later', all: 'All 7 days',
  keys: 'Drag over a chart to zoom; on the keyboard use + and −, the arrow keys, and Home.',
  table: 'The next 24 hours as a table', hour: 'Time', low: 'low (p10)', middle: 'middle', high: 'high (p90)',
  why: 'Why the first is first: rooms are sorted by how much there is to look at.',
  foot: 'Bands hold 8 of 10 values. Comfort: EN 16798-1. Coldest surface: EN ISO 13788. Mould: VTT model. These are computed, not seen.',
};

const DE = {
  skip: 'Zu den Räumen', loading: 'Lädt …', rooms: 'Räume', back: 'Alle Räume',
  toF: '°F zeigen', toC: '°C zeigen',
  fresh: 'Aktuell, {time}', replayed: 'Wiedergegebene Daten, Stand {time}',
  offline: 'Keine Verbindung. Zu sehen ist der Stand von {time}, {age} alt; es wird von selbst neu gefragt.',
  failed: 'Der Dienst antwortet nicht ({why}). Zu sehen ist der Stand von {time}, {age} alt; es wird von selbst neu gefragt.',
  offlineEmpty: 'Keine Verbindung; es wird von selbst neu gefragt.',
  failedEmpty: 'Der Dienst antwortet nicht ({why}); es wird von selbst neu gefragt.',
  refused: 'Dieser Link öffnet kein Haus: Sein Token ist falsch, widerrufen oder abgelaufen. Wer roomidity betreibt, kann einen neuen geben.',
  noToken: 'Dieser Link hat kein Token. Öffne den Link, den du bekommen hast, oder füge ihn hier ein.',
  link: 'Link oder Token', open: 'Öffnen',
  empty: 'Von diesem Haus kam noch nichts. Räume erscheinen mit ihren ersten Messwerten.',
  noRoom: 'In diesem Haus gibt es keinen Raum „{room}“.',
  outside: 'draußen', ago: 'vor {age}', measured: 'gemessen vor {age}', never: 'nicht gemessen',
  minutes: '{n} min', hours: '{n} h', days: '{n} Tagen',
  humidity: 'Luftfeuchte', temperature: 'Temperatur',
  word: {
    comfortable: 'Angenehm', very_dry: 'Sehr trocken', dry: 'Trocken', humid: 'Feucht', damp: 'Zu feucht', muggy: 'Schwül',
    cold: 'Kalt', cool: 'Kühl', warm: 'Warm', hot: 'Heiß', unknown: 'Unbekannt',
  },
  above: '{what} {value} liegt über {limit}', below: '{what} {value} liegt unter {limit}',
  water: 'Wasser in der Luft', grams: '{n} g/kg',
  fine: 'Feuchte und Temperatur liegen in dem, was EN 16798-1 empfiehlt (Feuchte: Kategorie {category})',
  fineOne: 'In dem, was EN 16798-1 empfiehlt',
  noComfort: 'Kein Wert der letzten 3 Stunden',
  plan: 'Plan des Tages', planOf: '{room}: Stunden zum Lüften und Entfeuchten in den nächsten 24 h',
  closeNow: 'Schließen: offen sein sollte es bis jetzt, und Neueres ist nicht bekannt.',
  dew: 'Taupunkt', air: 'Jetzt lüften?', surface: 'Kälteste Fläche', mould: 'Schimmel', forecastOf: 'Vorhersage',
  airing: {
    yes: 'Ja: {inside} g/m³ Wasser drinnen, {outside} draußen. Lüften trocknet.',
    not_needed: 'Nicht nötig: Der Raum ist trocken genug ({inside} g/m³ Wasser drinnen, {outside} draußen).',
    outside_wetter: 'Nein: Draußen ist es so nass ({outside} g/m³) wie drinnen ({inside}). Lüften würde nicht trocknen.',
    too_dry: 'Nein: Der Raum ist trocken, und Lüften trocknet ihn weiter ({inside} g/m³ Wasser drinnen, {outside} draußen).',
    too_cold: 'Erst heizen: Der Raum ist zu kalt zum Lüften, auch wenn es draußen trockener ist ({inside} g/m³ drinnen, {outside} draußen).',
  },
  surfaceNow: '{humidity} bei {temperature} (f_Rsi {f})',
  risk: 'Über 80 % dort: {past} h der letzten 24, {ahead} h der nächsten 24 nach der Mitte der Vorhersage, bis zu {most} h nach ihrem oberen Rand. Draußen gilt für die nächsten Stunden das Temperaturmittel von 12 h.',
  riskPast: 'Über 80 % dort: {past} h der letzten 24.',
  mouldIs: 'Index {index} von 6: {level}. Berechnet, seit {since}, bis {through}.',
  level: { none: 'nichts wächst', few: 'weniger, als ein Mikroskop zeigt', microscope: 'nur im Mikroskop zu sehen', visible: 'kann sichtbar sein', much: 'kann viel der Fläche bedecken' },
  missing: {
    outdoor: 'Kein Fühler draußen: Kälteste Fläche, Schimmel und „Jetzt lüften?“ brauchen einen, im Raum „outdoor“.',
    outdoor_stale: 'Der Fühler draußen schweigt: Kälteste Fläche und „Jetzt lüften?“ brauchen ihn.',
    outdoor_humidity: 'Keine Feuchte von draußen: „Jetzt lüften?“ braucht sie.',
    outdoor_temperature: 'Keine Temperatur von draußen: Kälteste Fläche, Schimmel und „Jetzt lüften?“ brauchen sie.',
    humidity: 'Der Raum misst keine Feuchte: Taupunkt, kälteste Fläche, Schimmel und „Jetzt lüften?“ brauchen sie.',
    temperature: 'Der Raum misst keine Temperatur: Taupunkt, kälteste Fläche, Schimmel und „Jetzt lüften?“ brauchen sie.',
    stale: 'Kein Wert der letzten 3 Stunden: Was daraus folgt, fehlt.',
    night: 'Schimmel wird jede Nacht berechnet; für diesen Raum noch nicht.',
  },
  grade: {
    full: 'mit einem Modell dieses Hauses', prior: 'mit dem mitgelieferten Modell; das eigene ist noch nicht gelernt',
    sparse: 'zuletzt wenige Messwerte, daher weniger sicher', persistence: 'seit Stunden kein glaubhafter Messwert, daher gilt der letzte weiter',
  },
  noForecast: 'keine Vorhersage', both: 'beides', issued: 'von {time}',
  weather: 'Wettervorhersage von {time}', weatherAdds: 'Das Wetter bringt', weatherBy: 'Die Wettervorhersage ist die des eigenen Gateways oder',
  note: {
    stuck: 'Ein Wert steht still: Fühler neu starten oder ersetzen.', spiking: 'Wilde Werte wurden weggelassen: Batterie und Kontakte prüfen.',
    dead: 'Ein Fühler schweigt: Batterie und Abstand zum Gateway prüfen.', late: 'Messwerte kommen spät: Netz des Gateways prüfen.',
    clock: 'Die Zeiten der Messwerte gehen falsch: Uhr des Gateways stellen.', zone: 'Die Zeiten sind um eine Zeitzone falsch: mit ihrem Versatz senden.',
    unit: 'Messwerte wurden abgelehnt: Sie haben eine andere Einheit.', rejected: 'Viele Messwerte werden abgelehnt.',
  },
  notes: 'Zu prüfen',
  windowOpen: 'Vorhergesagt bei offenem Fenster (seit {time}); wann es geschlossen wird, ist nicht bekannt.',
  windowOpenLong: 'Vorhergesagt bei offenem Fenster (seit {time} oder früher); wann es geschlossen wird, ist nicht bekannt.',
  chart: '{what} in {room}: {now}. Nächste 24 Stunden: {low} bis {high}, am Ende am ehesten {end}.',
  chartPast: '{what} in {room}: {now}.', nowIs: 'jetzt {value}', nowUnknown: 'jetzt unbekannt',
  caption: '{what}: gemessen, die nächsten 24 h mit Band, grau die Vorhersage von gestern',
  captionWeek: '{what}: die letzten 7 Tage und die nächsten 24 Stunden mit Band',
  yesterday: 'Vorhersage von gestern: {shares} lagen in ihrem Band (versprochen sind 8 von 10).',
  share: { humidity: '{n}\u00a0% der Luftfeuchte', temperature: '{n}\u00a0% der Temperatur' },
  noYesterday: 'Vorhersage von gestern: noch nichts zu vergleichen.',
  zoomIn: 'Vergrößern', zoomOut: 'Verkleinern', earlier: 'Früher', later: 'Später', all: 'Alle 7 Tage',
  keys: 'Über ein Diagramm ziehen vergrößert; auf der Tastatur + und −, Pfeiltasten und Pos1.',
  table: 'Die nächsten 24 Stunden als Tabelle', hour: 'Zeit', low: 'unten (p10)', middle: 'Mitte', high: 'oben (p90)',
  why: 'Räume stehen danach, wie viel an ihnen zu tun ist.',
  foot: 'Bänder halten 8 von 10 Werten. Behaglichkeit: EN 16798-1. Kälteste Fläche: EN ISO 13788. Schimmel: VTT-Modell. Berechnet, nicht gesehen.',
};

export const language = (navigator.languages || [navigator.language]).find((one) => /^(en|de)\b/i.test(one))?.slice(0, 2).toLowerCase() === 'de' ? 'de' : 'en';
const WORDS = language === 'de' ? DE : EN;

// A word by its name (`grade.full`), its braces filled in; undefined where there is none.
export function say(name, values = {}) {
  const found = name.split('.').reduce((words, part) => (words && Object.hasOwn(words, part) ? words[part] : undefined), WORDS);
  return typeof found === 'string' ? found.replace(/\{(\w+)\}/g, (_, key) => values[key]) : undefined;
}

const locale = navigator.languages?.find((one) => one.slice(0, 2).toLowerCase() === language) || language;
const formats = new Map();

export function number(value, digits = 0) {
  const key = `n${digits}`;
  if (!formats.has(key)) formats.set(key, new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits }));
  return formats.get(key).format(value).replace(/^-(0([.,]0*)?)$/, '$1');
}

// Times in the house's zone; the browser's where it does not know that one.
export function when(zone, options, time) {
  const key = zone + JSON.stringify(options);
  if (!formats.has(key)) {
    let made;
    try {
      made = new Intl.DateTimeFormat(locale, { ...options, timeZone: zone });
    } catch {
      made = new Intl.DateTimeFormat(locale, options);
    }
    formats.set(key, made);
  }
  return formats.get(key).format(time);
}

export function age(ms) {
  const minutes = Math.max(0, Math.round(ms / 60000));
  if (minutes < 100) return say('minutes', { n: number(minutes) });
  if (minutes < 48 * 60) return say('hours', { n: number(minutes / 60) });
  return say('days', { n: number(minutes / 1440) });
}
