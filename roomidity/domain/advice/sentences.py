"""The sentences of advice, in English and German. What stands in braces is filled in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

__all__ = ["DECISION", "LIMITS", "MISSING", "PLAN", "Language"]

Language = Literal["en", "de"]
Words = Mapping[Language, Mapping[str, str]]

DECISION: Final[Words] = {
    "en": {
        "humid_surface": "Open: {surface} at the coldest surface, and outside holds {gap} g/kg less water. Close by "
        "{until}.",
        "wet_cellar": "Open: outside holds {gap} g/kg less water than the cellar. Close by {until}.",
        "dry_enough": "Close: the coldest surface is dry enough ({surface}).",
        "not_needed": "Keep closed: the coldest surface is dry enough ({surface}).",
        "outside_not_drier": "Keep closed: airing has no effect, outside is not drier ({gap} g/kg less water).",
        "ran_longest": "Close: it was open for as long as is useful; walls give back what they hold only slowly.",
        "resting": "Keep closed until {until}: walls first give back what they hold.",
        "quiet": "Keep closed: quiet hours.",
        "room_cold": "Keep closed: the room is too cold, or would be; heat first.",
        "outside_cold": "Keep closed: it is too cold outside.",
        "outside_hot": "Keep closed: it is too hot outside.",
        "inside_unknown": "Keep closed: the room's sensor is silent, so what the air is like is not known.",
        "outside_unknown": "Keep closed: what the air outside is like is not known; its sensor is missing or silent.",
    },
    "de": {
        "humid_surface": "Öffnen: {surface} an der kältesten Oberfläche, und draußen ist {gap} g/kg weniger Wasser "
        "in der "
        "Luft. Spätestens um {until} schließen.",
        "wet_cellar": "Öffnen: draußen ist {gap} g/kg weniger Wasser in der Luft als im Keller. Spätestens um {until} "
        "schließen.",
        "dry_enough": "Schließen: die kälteste Oberfläche ist trocken genug ({surface}).",
        "not_needed": "Geschlossen lassen: die kälteste Oberfläche ist trocken genug ({surface}).",
        "outside_not_drier": "Geschlossen lassen: Lüften bringt nichts, draußen ist es nicht trockener ({gap} g/kg "
        "weniger "
        "Wasser).",
        "ran_longest": "Schließen: länger zu lüften nützt kaum; Wände geben nur langsam ab, was sie halten.",
        "resting": "Bis {until} geschlossen lassen: erst geben die Wände ab, was sie halten.",
        "quiet": "Geschlossen lassen: Ruhezeit.",
        "room_cold": "Geschlossen lassen: der Raum ist zu kalt oder würde es; erst heizen.",
        "outside_cold": "Geschlossen lassen: draußen ist es zu kalt.",
        "outside_hot": "Geschlossen lassen: draußen ist es zu heiß.",
        "inside_unknown": "Geschlossen lassen: der Sensor im Raum schweigt; wie die Luft ist, ist nicht bekannt.",
        "outside_unknown": "Geschlossen lassen: wie die Luft draußen ist, ist nicht bekannt; der Sensor fehlt oder "
        "schweigt.",
    },
}

PLAN: Final[Words] = {
    "en": {
        "airing": "{at}, {minutes} min: {at_once} %RH at once, {after_1h} an hour later; {heat} kWh of heat",
        "dry_all_day": "Not today: the coldest surface stays dry enough.",
        "outside_wetter": "Not today: the air outside is not dry enough to help in the next 24 h.",
        "too_cold": "Not today: the room is too cold to be aired without harm, or it is too cold or hot outside; "
        "heat first.",
        "no_time": "Not today: it would help only in quiet hours, from {until} on.",
        "no_forecast": "No plan: the room has no forecast to rely on ({missing}). What is measured now decides.",
        "no_weather": "No plan: there is no forecast of the air outside. What is measured now decides.",
        "withheld_room_cold": "{at}: do not air. {found} °C were measured in the room, and airing must not cool it "
        "below {least} °C; heat first.",
        "withheld_inside_unknown": "{at}: do not air. The room's sensor is silent or stuck, so how warm it is is not "
        "known.",
        "withheld_outside_cold": "{at}: do not air, it is too cold outside.",
        "withheld_outside_hot": "{at}: do not air, it is too hot outside.",
        "drier": "Outside is drier until {until}: vent.",
        "drier_open": "Outside is drier: vent.",
        "wetter": "Outside is wetter until {until}: keep closed.",
        "wetter_open": "Outside is not drier, and as far as is known it stays so: keep closed.",
        "unknown": "Whether outside is drier is not known: a sensor is missing or silent. Keep closed.",
        "score": "You aired at {at}: {at_once} %RH at once, {after_1h} after an hour; expected {expected}.",
        "score_disturbed": "You aired at {at}: {at_once} %RH at once; then the window was opened again.",
        "unmeasured": "not measured",
    },
    "de": {
        "airing": "{at}, {minutes} min: sofort {at_once} %RH, nach einer Stunde {after_1h}; {heat} kWh Wärme",
        "dry_all_day": "Heute nicht: die kälteste Oberfläche bleibt trocken genug.",
        "outside_wetter": "Heute nicht: in den nächsten 24 h ist die Luft draußen nicht trocken genug, um zu helfen.",
        "too_cold": "Heute nicht: der Raum ist zu kalt, um ohne Schaden zu lüften, oder draußen ist es zu kalt oder "
        "heiß; "
        "erst heizen.",
        "no_time": "Heute nicht: es hülfe nur in der Ruhezeit, ab {until}.",
        "no_forecast": "Kein Plan: für den Raum gibt es keine verlässliche Vorhersage ({missing}). Es gilt, was jetzt "
        "gemessen wird.",
        "no_weather": "Kein Plan: es gibt keine Vorhersage der Luft draußen. Es gilt, was jetzt gemessen wird.",
        "withheld_room_cold": "{at}: nicht lüften. Im Raum wurden {found} °C gemessen, und Lüften darf ihn nicht unter "
        "{least} °C abkühlen; erst heizen.",
        "withheld_inside_unknown": "{at}: nicht lüften. Der Sensor im Raum schweigt oder hängt; wie warm es dort ist, "
        "ist nicht bekannt.",
        "withheld_outside_cold": "{at}: nicht lüften, draußen ist es zu kalt.",
        "withheld_outside_hot": "{at}: nicht lüften, draußen ist es zu heiß.",
        "drier": "Draußen ist es bis {until} trockener: lüften.",
        "drier_open": "Draußen ist es trockener: lüften.",
        "wetter": "Draußen ist es bis {until} feuchter: geschlossen lassen.",
        "wetter_open": "Draußen ist es nicht trockener und bleibt so, soweit bekannt: geschlossen lassen.",
        "unknown": "Ob es draußen trockener ist, ist nicht bekannt: ein Sensor fehlt oder schweigt. Geschlossen "
        "lassen.",
        "score": "Um {at} gelüftet: sofort {at_once} %RH, nach einer Stunde {after_1h}; erwartet {expected}.",
        "score_disturbed": "Um {at} gelüftet: sofort {at_once} %RH; dann wurde das Fenster wieder geöffnet.",
        "unmeasured": "nicht gemessen",
    },
}

MISSING: Final[Words] = {
    "en": {
        "no_forecast": "there is none yet",
        "old_forecast": "the newest is too old",
        "sparse": "it rests on few readings",
        "persistence": "it only repeats the last value",
        "no_weather": "no weather forecast",
        "no_humidity": "the room does not measure both humidity and temperature",
    },
    "de": {
        "no_forecast": "es gibt noch keine",
        "old_forecast": "die neueste ist zu alt",
        "sparse": "sie beruht auf wenigen Messwerten",
        "persistence": "sie wiederholt nur den letzten Wert",
        "no_weather": "keine Wettervorhersage",
        "no_humidity": "der Raum misst nicht Feuchte und Temperatur",
    },
}

LIMITS: Final[Mapping[Language, str]] = {
    "en": "This goes by humidity and temperature alone. It does not know of stoves and boilers that draw air from "
    "the room, "
    "of rain, pollen, noise or smoke outside, of burglars, or of radon in cellars. No single airing changes tomorrow.",
    "de": "Dies richtet sich nur nach Feuchte und Temperatur. Von Öfen und Thermen, die Luft aus dem Raum ziehen, "
    "von Regen, "
    "Pollen, Lärm oder Rauch draußen, von Einbrechern und von Radon im Keller weiß es nichts. Einmal lüften ändert "
    "nichts "
    "an morgen.",
}
"""What advice does not know, to be shown beside it."""
