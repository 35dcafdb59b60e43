"""A real Chromium, a live server on committed data, and people who are signed in."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.cache import cache
from django.db import connections, transaction
from django.test import Client
from django.test.testcases import LiveServerThread
from playwright.sync_api import Browser, BrowserContext, Page

from crm.launcher.browser import ADVICE, NAMES
from organisation.access import enter_sign_in
from organisation.models import User
from tests.browser.house import House, build_house

PATIENCE = 15_000  # milliseconds; the machine may be busy with other workers
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync"
)
DESKTOP = {"width": 1360, "height": 900}
PHONE = {"width": 390, "height": 844}
KEPT = ["django_migrations", "django_content_type", "auth_permission"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of this folder are browser tests."""
    for item in items:
        if "tests/browser/" in item.nodeid:
            item.add_marker("browser")


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    """The machine's own Chromium. None is a failure: these tests are never skipped."""
    path = os.environ.get("CRM_CHROMIUM") or next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        pytest.fail(f"No Chromium for the browser tests. {ADVICE}")
    return {"executable_path": path, "args": FLAGS.split()}


@pytest.fixture(scope="session")
def live_address(django_db_setup: None) -> Iterator[str]:
    """The address of the product, served by threads of this process as the application's database role."""
    server = LiveServerThread("127.0.0.1", StaticFilesHandler)
    server.daemon = True
    server.start()
    server.is_ready.wait()
    if server.error:
        raise server.error
    yield f"http://localhost:{server.port}"  # by name: browsers make no passkeys for an address in numbers
    server.terminate()


@pytest.fixture(scope="session")
def browser_context_args(live_address: str) -> dict[str, Any]:
    """A desktop in German without motion."""
    return {
        "base_url": live_address,
        "viewport": DESKTOP,
        "reduced_motion": "reduce",
        "color_scheme": "light",
        "locale": "de-DE",
    }


@pytest.fixture(scope="module")
def house(django_db_setup: None, django_db_blocker: Any, database_urls: dict[str, str]) -> Iterator[House]:
    """Committed data of a module's tests; afterwards the owner empties all tables (the app's role may not)."""
    cache.clear()
    with django_db_blocker.unblock():
        try:
            yield build_house()
        finally:
            connections.close_all()
            with psycopg.connect(database_urls["owner"], autocommit=True) as owner:
                rows = owner.execute(
                    "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public' AND NOT tablename = ANY(%s)",
                    [KEPT],
                ).fetchall()
                owner.execute("TRUNCATE " + ", ".join(row[0] for row in rows) + " RESTART IDENTITY CASCADE")


def session_of(user: User) -> str:
    """The key of a new session that has passed both factors."""
    client = Client()
    with transaction.atomic():
        enter_sign_in(str(user.pk))
        client.force_login(user, backend="organisation.backends.MailBackend")
        session = client.session
        session["second_factor"] = True
        session.save()
    return str(client.cookies[settings.SESSION_COOKIE_NAME].value)


def context_of(browser: Browser, arguments: dict[str, Any], user: User | None) -> BrowserContext:
    """A browser of its own, in which the user is signed in."""
    context = browser.new_context(**arguments)
    context.set_default_timeout(PATIENCE)
    if user is not None:
        cookie = {"name": settings.SESSION_COOKIE_NAME, "value": session_of(user)}
        context.add_cookies([cookie | {"url": arguments["base_url"]}])
    return context


@pytest.fixture
def open_as(browser: Browser, browser_context_args: dict[str, Any], house: House) -> Iterator[Callable[..., Page]]:
    """`open_as(user)` is a page of a new browser in which the user is signed in; `None` is nobody."""
    contexts: list[BrowserContext] = []

    def open_page(user: User | None, **options: Any) -> Page:
        contexts.append(context_of(browser, browser_context_args | options, user))
        return contexts[-1].new_page()

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def signed_in(browser: Browser, browser_context_args: dict[str, Any], house: House) -> Iterator[Callable[[User], Page]]:
    """`signed_in(user)` is a page of the user's one browser: for tests that only look."""
    contexts: dict[int, BrowserContext] = {}

    def open_page(user: User) -> Page:
        if user.pk not in contexts:
            contexts[user.pk] = context_of(browser, browser_context_args, user)
        return contexts[user.pk].new_page()

    yield open_page
    for context in contexts.values():
        context.close()
