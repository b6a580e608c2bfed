"""The page in a real browser, over the API's own code: what it shows, what it survives, and who can use it."""

from __future__ import annotations

import gzip
import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from roomidity.api.front import Clocks
from roomidity.domain.slots import floor_slot
from tests.advice_samples import advice_of
from tests.api import ApiWorld
from tests.browser.world import HOSTILE, NAMES, NOW, Served, furnish, served

CHECKOUT: Final = Path(__file__).parents[2]
AXE: Final = CHECKOUT / "node_modules/axe-core/axe.min.js"
CHROMIUM: Final = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
PHONE: Final = {"width": 390, "height": 844}
DESK: Final = {"width": 1280, "height": 900}
expect.set_options(timeout=20_000)  # a busy machine

SIXTY: Final = tuple(f"room {number:02}" for number in range(60))

if CHROMIUM is None or not AXE.exists():
    lacks = " and ".join(
        what
        for what, there in (
            ("Chromium (on Debian: apt-get install chromium)", CHROMIUM),
            ("axe-core (npm ci)", AXE.exists()),
        )
        if not there
    )
    if os.environ.get("CI"):
        raise RuntimeError(f"the page cannot be tested without {lacks}")
    pytest.skip(f"the page's tests need {lacks}", allow_module_level=True)


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    world = ApiWorld()
    with served(world) as server:
        yield server


@pytest.fixture(scope="module")
def tokens(server: Served) -> dict[str, str]:
    world = server.world
    one = {
        "eight": furnish(world, "Seeweg 8", NAMES),
        "single": furnish(world, "hut", ["cabin"], outdoor=False, days=2),
        "sixty": furnish(world, "hotel", SIXTY, days=1),
        "stale": furnish(world, "left", ["attic", "bath"], silent=timedelta(hours=9), days=2),
        "hostile": furnish(world, "odd & <b>house", [HOSTILE], days=1),
        "advised": furnish(world, "villa", ["bath", "cellar"], days=1),
        "unheard": world.token("nobody"),
    }
    at = floor_slot(NOW)
    world.advice.stored["villa", at] = advice_of("villa", at=at)
    world.advice.stored["odd & <b>house", at] = advice_of("odd & <b>house", at=at, rooms=[HOSTILE])
    return {**one, "empty": furnish(world, "bare", [], outdoor=False, days=0)}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@dataclass
class Visit:
    """A page that somebody looks at, and all that went wrong or went elsewhere meanwhile."""

    page: Page
    context: BrowserContext
    troubles: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def axe(self) -> None:
        """Fails on anything that axe-core finds."""
        self.page.evaluate(AXE.read_text("utf-8"))
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        assert [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found["violations"]] == []

    def text(self) -> str:
        return self.page.inner_text("body").replace("\xa0", " ")


Visitor = Callable[..., Visit]


@pytest.fixture
def visit(browser: Browser, server: Served) -> Iterator[Visitor]:
    """Opens a link, and checks in the end that nothing failed, was refused by the policy, or was asked of others."""
    visits: list[Visit] = []

    def opened(token: str, **options: Any) -> Visit:
        context = browser.new_context(
            **{
                "viewport": DESK,
                "locale": "en-GB",
                "timezone_id": "America/New_York",
                "reduced_motion": "reduce",
                **options,
            }
        )
        made = Visit(context.new_page(), context)
        visits.append(made)
        made.page.on("pageerror", lambda error: made.troubles.append(str(error)))
        made.page.on("console", lambda line: made.troubles.append(line.text) if line.type == "error" else None)
        made.page.on("request", lambda request: made.requests.append(request.url))
        made.page.on("dialog", lambda dialog: made.troubles.append(dialog.message))
        made.page.goto(server.link(token) if token else server.url)
        expect(made.page.locator("#state")).not_to_contain_text("…")
        return made

    yield opened
    for one in visits:
        one.context.close()
        # a call that fails is an error in the console, whatever the page makes of it
        assert [line for line in one.troubles if "Failed to load resource" not in line] == []
        assert [url for url in one.requests if not url.startswith((server.url, "data:"))] == []
    server.fails = False
    server.clocks = Clocks(NOW, NOW)


def shot(page: Page, name: str, tmp_path: Path) -> None:
    """A picture; into docs/ where PAGE_SCREENSHOTS is set, for README."""
    folder = CHECKOUT / "docs" if os.environ.get("PAGE_SCREENSHOTS") else tmp_path
    path = folder / f"page-{name}.png"
    page.screenshot(path=path, scale="css")
    with Image.open(path) as picture:  # 256 colours: half of the size
        picture.convert("RGB").quantize(256).save(path, optimize=True)
    assert path.stat().st_size > 10_000


def test_eight_rooms_at_a_desk_the_worst_first(visit: Visitor, tokens: dict[str, str], tmp_path: Path) -> None:
    seen = visit(tokens["eight"])
    names = seen.page.locator("h2 a").all_inner_texts()
    assert names[0] == "bath"
    assert names[-1] == "outdoor"
    assert set(names) == {*NAMES, "outdoor"}
    bath = seen.page.get_by_role("article", name="bath").inner_text().replace("\xa0", " ")
    for said in (
        "Damp",
        "Humidity 7",
        "is above 70 %",
        "20.9 °C",
        "measured 7 min ago",
        "Dew point",
        "Air now?",
        "Yes: ",
    ):
        assert said in bath, said
    assert re.search(r"Coldest surface\s+\d+ % at [\d.]+ °C \(f_Rsi 0.65\)", bath)
    assert re.search(r"Over 80 % there: \d+ h of the last 24, \d+ h of the next 24", bath)
    assert "Index 1.4 of 6: seen by a microscope alone. Computed, since 12 Jan 2026" in bath
    assert re.search(r"Yesterday’s forecast: [5-9]\d % of the humidity, [5-9]\d % of the temperature lay inside", bath)
    assert "by a model of this house (issued 12 Feb, 09:00)" in bath  # in the house's zone, not the browser's
    assert re.search(r"The weather adds\s+drier air from now: -6 %RH by 15:00", bath)
    assert "The weather adds" not in seen.page.get_by_role("article", name="bedroom").inner_text()
    assert "Temperature: by the model shipped" in seen.page.get_by_role("article", name="bedroom").inner_text()
    nursery = seen.page.get_by_role("article", name="nursery").inner_text()
    assert "Forecast with the window open (since 08:45); when it will be closed is not known." in nursery
    assert "with the window open" not in bath
    assert "A value stands still" in seen.page.get_by_role("article", name="hall").inner_text()
    assert "Very dry" in seen.page.get_by_role("article", name="office").inner_text() or "Dry" in seen.text()
    assert seen.page.locator("article").first.locator("path.band").first.get_attribute("d")
    seen.axe()
    shot(seen.page, "desk", tmp_path)


def test_on_a_phone_in_german_and_in_the_dark(visit: Visitor, tokens: dict[str, str], tmp_path: Path) -> None:
    seen = visit(tokens["eight"], viewport=PHONE, locale="de-DE", color_scheme="dark", has_touch=True)
    assert seen.page.get_attribute("html", "lang") == "de"
    for said in (
        "Jetzt lüften?",
        "Das Wetter bringt",
        "Kälteste Fläche",
        "Schimmel",
        "Index 1,4 von 6",
        "Taupunkt",
        "gemessen vor 7 min",
    ):
        assert said in seen.text(), said
    width = seen.page.evaluate("document.documentElement.scrollWidth")
    assert width <= PHONE["width"]
    small = seen.page.evaluate(
        "[...document.querySelectorAll('button')].filter(b => b.getBoundingClientRect().height < 44).length"
    )
    assert small == 0
    seen.axe()
    shot(seen.page, "phone", tmp_path)


def test_a_room_has_its_week_and_is_zoomed_by_button_keyboard_and_drag(
    visit: Visitor, tokens: dict[str, str], server: Served, tmp_path: Path
) -> None:
    seen = visit(tokens["eight"])
    seen.page.get_by_role("link", name="bath").press("Enter")
    expect(seen.page.get_by_role("heading", name="bath")).to_be_focused()
    line = seen.page.locator("svg.humidity path.actual")

    def points() -> int:
        return (line.get_attribute("d") or "").count("L")

    expect(line).to_have_attribute("d", re.compile("(L[^L]+){576,}"))  # six days and more
    whole = points()
    seen.axe()
    shot(seen.page, "room", tmp_path)
    seen.page.get_by_role("button", name="Zoom in").click()
    assert points() < 0.7 * whole
    seen.page.get_by_role("button", name="All 7 days").click()
    assert points() >= whole - 1
    seen.page.locator("#charts").focus()
    for key, narrower in (("+", True), ("ArrowLeft", True), ("Home", False)):
        seen.page.keyboard.press(key)
        assert (points() < 0.7 * whole) == narrower, key
    box = seen.page.locator("svg.humidity").bounding_box()
    assert box is not None
    seen.page.mouse.move(box["x"] + 200, box["y"] + 60)
    seen.page.mouse.down()
    seen.page.mouse.move(box["x"] + 400, box["y"] + 60, steps=3)
    seen.page.mouse.up()
    assert 50 < points() < 0.4 * whole
    seen.page.get_by_text("The next 24 hours as a table").click()
    assert seen.page.locator("tbody tr").count() == 24
    seen.axe()
    seen.page.go_back()
    assert seen.page.locator("h2 a").count() == 9


def test_fahrenheit_is_a_choice_that_stays(visit: Visitor, tokens: dict[str, str]) -> None:
    seen = visit(tokens["eight"])
    assert "°F" not in seen.page.locator("#main").inner_text()
    seen.page.get_by_role("button", name="Show °F").click()
    seen.page.reload()
    expect(seen.page.get_by_role("article", name="bath")).to_contain_text("°F")
    assert "°C" not in seen.page.locator("#main").inner_text()


def test_one_room_without_air_outside_says_what_is_missing(visit: Visitor, tokens: dict[str, str]) -> None:
    seen = visit(tokens["single"], locale="fr-FR")  # neither language: English
    assert seen.page.locator("article").count() == 1
    assert "No sensor outside: coldest surface, mould and “air now?” need one" in seen.text()
    for absent in ("Index ", "Over 80 %", "of water inside"):
        assert absent not in seen.text()
    seen.axe()


def test_sixty_rooms(visit: Visitor, tokens: dict[str, str]) -> None:
    seen = visit(tokens["sixty"])
    assert seen.page.locator("article").count() == 61
    seen.page.get_by_role("link", name="room 59").click()
    expect(seen.page.get_by_role("heading", name="room 59")).to_be_visible()


@pytest.mark.parametrize(
    ("token", "said"),
    [
        ("empty", "Nothing was heard of this house yet."),
        ("unheard", "Nothing was heard of this house yet."),
        ("wrong", "This link opens no house"),
        ("", "This link has no token."),
    ],
)
def test_nothing_to_show_is_said(visit: Visitor, tokens: dict[str, str], token: str, said: str) -> None:
    seen = visit(tokens.get(token, f"rm1.hut.{'A' * 43}" if token else ""))
    assert said in seen.text()
    assert seen.page.locator("article").count() == 0
    seen.axe()


def test_a_link_can_be_pasted_where_there_is_none(visit: Visitor, tokens: dict[str, str], server: Served) -> None:
    seen = visit("")
    seen.page.get_by_label("Link or token").fill(server.link(tokens["single"]))
    seen.page.get_by_role("button", name="Open").click()
    expect(seen.page.get_by_role("article", name="cabin")).to_be_visible()


def test_stale_data_are_old_in_words(visit: Visitor, tokens: dict[str, str]) -> None:
    seen = visit(tokens["stale"])
    for said in ("measured 9 h ago", "Not known", "No value of the last 3 hours", "The sensor outside is silent"):
        assert said in seen.text(), said
    assert "Dew point" not in seen.text()
    seen.axe()


def test_replayed_data_say_so(visit: Visitor, tokens: dict[str, str], server: Served) -> None:
    server.clocks = Clocks(NOW + timedelta(hours=5), NOW)
    assert "Replayed data, as of 12 Feb, 09:07" in visit(tokens["single"]).text()


def test_what_was_seen_stays_with_its_age_while_calls_fail(
    visit: Visitor, tokens: dict[str, str], server: Served
) -> None:
    seen = visit(tokens["eight"])
    before = seen.page.locator("article").count()
    server.fails = True
    seen.page.evaluate("dispatchEvent(new Event('online'))")
    expect(seen.page.locator("#state")).to_contain_text(
        "does not answer (503). What you see is from 12 Feb, 09:07, 0 min ago"
    )
    assert seen.page.locator("article").count() == before
    server.fails = False
    seen.context.set_offline(True)
    expect(seen.page.locator("#state")).to_contain_text("No connection.")
    assert seen.page.locator("article").count() == before
    seen.axe()
    seen.context.set_offline(False)
    expect(seen.page.locator("#state")).to_contain_text("Up to date")


def test_a_first_call_that_fails_is_said(visit: Visitor, tokens: dict[str, str], server: Served) -> None:
    server.fails = True
    assert "does not answer (503); it is asked for again by itself" in visit(tokens["eight"]).text()


def test_it_updates_by_itself(visit: Visitor, tokens: dict[str, str], server: Served, browser: Browser) -> None:
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    page.clock.install()
    page.goto(server.link(tokens["single"]))
    expect(page.get_by_role("article", name="cabin")).to_be_visible()
    before = len(server.asked)
    with page.expect_response(lambda response: "/v1/house/advice" in response.url):
        page.clock.fast_forward("05:01")
    assert len(server.asked) == before + 2, "nothing new, so what happened is not asked for again"
    context.close()


def test_what_to_do_now_stands_on_the_card_and_the_day_as_a_timeline(visit: Visitor, tokens: dict[str, str]) -> None:
    seen = visit(tokens["advised"])
    bath = seen.page.get_by_role("article", name="bath")
    expect(bath.locator(".airing")).to_have_text(
        re.compile(r"^Air now\? Open: 78 %RH at the coldest surface.*by 09:30")
    )
    seen.page.get_by_role("link", name="cellar").click()
    expect(seen.page.locator("svg.day rect.run")).to_have_count(2)
    expect(seen.page.locator("section li")).to_have_count(5)  # two of them of airings that a contact saw
    assert "You aired at" in seen.text()
    assert "radon" in seen.text()
    seen.page.go_back()
    seen.page.get_by_role("link", name="bath").click()
    expect(seen.page.locator("svg.day rect.airs")).to_have_count(2)
    assert "No single airing changes tomorrow" in seen.text()
    seen.axe()


def test_names_are_text_never_markup(visit: Visitor, tokens: dict[str, str]) -> None:
    seen = visit(tokens["hostile"])
    assert seen.page.locator("h2 a").first.inner_text() == HOSTILE
    assert seen.page.locator("#title").inner_text() == "odd & <b>house"
    seen.page.locator("h2 a").first.click()
    expect(seen.page.locator("#room")).to_have_text(HOSTILE)
    assert seen.page.locator("main img, main script, main b").count() == 0
    seen.axe()


def test_the_token_is_sent_in_no_address_and_the_policy_holds(
    visit: Visitor, tokens: dict[str, str], server: Served
) -> None:
    server.asked.clear()
    seen = visit(tokens["eight"])
    secret = tokens["eight"].rpartition(".")[2]
    assert server.asked
    assert not [path for path in server.asked if secret in path or "rm1" in path]
    assert (
        seen.page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])") == '[{},{},""]'
    )
    inline = (
        "const one = document.createElement('script'); one.textContent = 'window.ran = 1'; document.body.append(one)"
    )
    assert seen.page.evaluate(f"{inline}; window.ran") is None
    assert [line for line in seen.troubles if "Content Security Policy" in line]
    seen.troubles.clear()


def test_the_page_is_small_and_asks_for_nothing_else() -> None:
    files = [one for one in (CHECKOUT / "roomidity/page").iterdir() if one.suffix in {".html", ".css", ".js"}]
    assert sum(len(gzip.compress(one.read_bytes())) for one in files) < 60_000
    for one in files:
        text = one.read_text("utf-8")
        assert "innerHTML" not in text
        # A name of a format, and the link that a weather service asks for: nothing is fetched from either.
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg|open-meteo\.com/')", text), one.name
        assert not re.search(r"\s(style|on\w+)=", text), one.name
