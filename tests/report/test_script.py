"""The script of the report does what it says, in a browser; skipped where there is none."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from pages import photo_story
from tilth.report.render import render

BROWSER = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)

# Runs before the report's own script is let loose on the page; what it saw goes into an attribute of the body.
PROBE = """
<script>
addEventListener("load", () => {
  const one = (what) => document.querySelector(what);
  const svg = one(".stage svg"), box = svg.getBoundingClientRect();
  const points = JSON.parse(one(".points").textContent);
  const noted = points.find((point) => point[9]);
  const over = ([x, y]) => svg.dispatchEvent(new PointerEvent("pointermove", {
    clientX: box.left + x * box.width / 1000, clientY: box.top + y * box.height / 640, bubbles: true }));
  const said = {};
  over(noted);
  said.told = one(".hover-told").textContent === noted[9] && !one(".hover").hidden;
  said.picture = !one(".hover .sprite").hidden;
  const button = [...document.querySelectorAll(".legend.on button")].find((part) => part.dataset.name === noted[5]);
  const path = one(`.layer.on [data-entry="${button.dataset.entry}"]`);
  button.click();
  said.off = path.classList.contains("off") && button.getAttribute("aria-pressed") === "false";
  over(noted);
  said.skipped = one(".hover").hidden || one(".hover-told").textContent !== noted[9];
  button.click();
  said.on = !path.classList.contains("off");
  button.dispatchEvent(new MouseEvent("dblclick", { bubbles: true }));
  said.alone = document.querySelectorAll(".legend.on [aria-pressed=true]").length === 1;
  one("[name=layer][value=class]").click();
  said.layer = one(".layer.on").dataset.layer === "class" && one(".legend.on").dataset.layer === "class";
  one("[name=stands]").click();
  said.stands = one(".stands").hidden;
  said.tabs = document.querySelectorAll("[role=tab]").length > 1;
  document.body.dataset.said = Object.entries(said).map(([name, good]) => `${name}=${good}`).join(" ");
});
</script>
"""


@pytest.mark.skipif(not BROWSER, reason="no chromium here")
@pytest.mark.slow
def test_the_map_answers_to_pointer_and_legend(tmp_path: Path) -> None:
    story = photo_story()
    assert story.map is not None
    page = render(replace(story, medoids=story.map[0][:3]))
    # The page lets only its own script run; the probe needs that rule out of the way.
    page = page.replace('http-equiv="Content-Security-Policy"', 'name="rule"').replace("</main>", "</main>" + PROBE)
    file = tmp_path / "report.html"
    file.write_text(page, encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'browser'}"]
    asked = [BROWSER, *options, "--window-size=1200,900", "--virtual-time-budget=2000", "--dump-dom", file.as_uri()]
    told = subprocess.run(asked, capture_output=True, text=True, timeout=120, check=True).stdout
    said = told.split('data-said="')[1].split('"')[0]
    assert said.count("=true") == 9 and "=false" not in said, said
