"""A real browser for tests of pages: Debian's Chromium, driven by Selenium.

Owns the browser's life: a fresh profile in a folder of its own, no network of
its own accord, ended with the context. Knows nothing of pytest and of the project.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolchain import ToolMissingError

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

HOW_TO_GET = "as root, `apt-get install chromium chromium-driver`"
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
)
_LOAD_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class Browser:
    """A running browser. Everything that a page asks for and complains about is recorded."""

    driver: Chrome
    downloads: Path

    def open(
        self,
        page: Path,
        *,
        size: tuple[int, int] = (1200, 900),
        media: Mapping[str, str] | None = None,
        printed: bool = False,
    ) -> None:
        """Load a page from a file. `media` are features such as prefers-color-scheme. A phone is narrow."""
        width, height = size
        self.command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 700,
        )
        features = [{"name": name, "value": value} for name, value in (media or {}).items()]
        self.command("Emulation.setEmulatedMedia", media="print" if printed else "", features=features)
        self._log("performance")
        self._log("browser")
        self.driver.get(page.as_uri())

    def command(self, name: str, **parameters: Any) -> dict[str, Any]:
        """A command of the DevTools protocol."""
        return dict(self.driver.execute_cdp_cmd(name, parameters) or {})

    def run(self, script: str, *arguments: Any) -> Any:
        """Run a function's body in the page; gives what it returns, a promise's value included."""
        return self.driver.execute_script(script, *arguments)

    def keys(self, *keys: str) -> None:
        """Press keys, one after another, wherever the focus is."""
        from selenium.webdriver import ActionChains

        chain = ActionChains(self.driver, duration=0)
        for key in keys:
            chain.send_keys(key)
        chain.perform()

    def requests(self) -> tuple[str, ...]:
        """The URLs that were asked for since the page was opened."""
        events = (json.loads(entry["message"])["message"] for entry in self._log("performance"))
        return tuple(
            event["params"]["request"]["url"]
            for event in events
            if event["method"] == "Network.requestWillBeSent"
        )

    def complaints(self) -> tuple[str, ...]:
        """What the console says since the page was opened: errors and warnings."""
        return tuple(entry["message"] for entry in self._log("browser"))

    def _log(self, kind: str) -> list[dict[str, Any]]:
        """What was logged since the last time."""
        log: Any = self.driver.get_log
        return list(log(kind))

    def picture(self, path: Path) -> None:
        """The whole page as a PNG."""
        import base64

        size = self.command("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 12_000), "scale": 1}
        shot = self.command("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        path.write_bytes(base64.b64decode(shot["data"]))


@contextmanager
def browser() -> Iterator[Browser]:
    """A running browser.

    Raises ToolMissingError when there is no Chromium, no driver for it, or no Selenium.
    """
    try:
        from selenium.webdriver import Chrome, ChromeOptions
        from selenium.webdriver.chrome.service import Service
    except ImportError as error:
        raise ToolMissingError("selenium is a test dependency, installed by `make test`") from error
    chromium, chromedriver = (_command(name) for name in ("chromium", "chromedriver"))
    with tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True) as home:
        profile, downloads = Path(home) / "profile", Path(home) / "downloads"
        downloads.mkdir()
        options = ChromeOptions()
        options.binary_location = chromium
        for flag in (*_FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        driver = Chrome(options=options, service=Service(chromedriver))
        try:
            driver.set_page_load_timeout(_LOAD_TIMEOUT_S)
            found = Browser(driver, downloads)
            found.command("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(downloads))
            yield found
        finally:
            driver.quit()


def _command(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise ToolMissingError(f"{name} is missing: {HOW_TO_GET}")
    return os.path.realpath(found) if name == "chromedriver" else found
