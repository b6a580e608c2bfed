"""A picture of the dashboard in docs/home-assistant, as a browser has it of a Home Assistant that runs."""

from __future__ import annotations

import json
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

__all__ = ["dashboard_of", "take"]

ROOT = Path(__file__).parents[2]
WIDTH, HEIGHT = 1180, 800
SETTLE_MS = 6_000
"""Cards fill one after the other; there is no event for all of them."""


def dashboard_of(room: str, name: str) -> str:
    """The dashboard's YAML, with a room of the house that is there in the place of its office."""
    text = (ROOT / "docs/home-assistant/dashboard.yaml").read_text("utf-8")
    return text.replace("h1_office", f"h1_{room}").replace("Office", name)


def take(shown: dict[str, Any], picture: Path, *, at: datetime) -> None:
    """Open the dashboard with the tokens that its probe gave, and keep a picture of it, as it is seen ``at`` a time."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  # tests' own dependency; pictures alone take it

    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, locale="en-GB")
        page.clock.set_fixed_time(at)
        tokens = json.dumps(json.dumps(shown["tokens"]))
        page.add_init_script(f"localStorage.setItem('hassTokens', {tokens})")
        page.goto(shown["url"], wait_until="domcontentloaded", timeout=120_000)
        page.wait_for_selector("hui-gauge-card", timeout=120_000)
        page.wait_for_timeout(SETTLE_MS)
        page.screenshot(path=picture)
        browser.close()
