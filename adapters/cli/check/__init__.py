"""`check`: every setting with its origin, then each step from here to the service's answer."""

import math
from collections.abc import Sequence
from typing import Final
from uuid import uuid4

from rich.text import Text

from shelfport.adapters.cli.check.connection import check_dns, check_tcp, check_tls
from shelfport.adapters.cli.check.model import (
    Check,
    CheckContext,
    CheckOutcome,
    CheckResult,
    examine,
)
from shelfport.adapters.cli.check.report import check_document, print_result, print_settings
from shelfport.adapters.cli.check.role import check_role, check_variables
from shelfport.adapters.cli.check.service import check_clock, check_read, check_token
from shelfport.adapters.cli.check.settings import (
    DisplayedSetting,
    check_adapter,
    check_settings,
    settings_as_given,
    settings_in_use,
)
from shelfport.adapters.cli.check.surroundings import check_bus, check_queue, check_shared_cache
from shelfport.adapters.cli.options import CallOptions
from shelfport.adapters.cli.output import print_json, print_text
from shelfport.adapters.cli.running import Exit, Misuse, print_error

CHECKS: Final = (
    Check("settings", needs=(), run=check_settings),
    Check("variables", needs=("settings",), run=check_variables),
    Check("role", needs=("settings",), run=check_role),
    Check("adapter", needs=("settings",), run=check_adapter),
    Check("dns", needs=("adapter",), run=check_dns),
    Check("tcp", needs=("dns",), run=check_tcp),
    Check("tls", needs=("tcp",), run=check_tls),
    Check("token", needs=("tls",), run=check_token),
    Check("read", needs=("adapter", "token"), run=check_read),
    Check("clock", needs=("read",), run=check_clock),
    Check("queue", needs=("settings",), run=check_queue),
    Check("shared_cache", needs=("settings",), run=check_shared_cache),
    Check("bus", needs=("settings",), run=check_bus),
)
"""The checks in their order. A new one is a row here and a function `CheckContext -> Finding`."""


async def run_check(
    *, variant: str | None, options: CallOptions, checks: Sequence[Check] = CHECKS
) -> int:
    """Print the settings and the result of every check.

    Returns:
        `Exit.MISUSED` if the settings are not valid, `Exit.NO` if another check failed.
    """
    deadline = options.deadline
    if deadline is not None and not 0 < deadline < math.inf:
        raise Misuse(f"--deadline is {deadline:g}: it must be more than 0 seconds")
    context = CheckContext(
        files=options.settings,
        base_url=options.base_url,
        deadline=deadline,
        variant_text=variant,
        correlation_id=options.correlation_id or uuid4().hex,
    )
    displayed: list[DisplayedSetting] = []
    results: list[CheckResult] = []
    width = max(len(check.name) for check in checks)
    async for result in examine(context, checks):
        results.append(result)
        if not displayed:
            displayed = _displayed_settings(context)
            if not options.as_json:
                print_settings(displayed)
                print_text(Text("Checks"))
        if not options.as_json:
            print_result(result, width=width)
    if options.as_json:
        print_json(check_document(displayed, results, context.correlation_id))
    failures = [result for result in results if result.finding.outcome is CheckOutcome.FAILED]
    if context.loaded is None:
        print_error(failures[0].finding.detail)
        return Exit.MISUSED
    return Exit.NO if failures else Exit.ANSWERED


def _displayed_settings(context: CheckContext) -> list[DisplayedSetting]:
    if context.loaded is None:
        return settings_as_given(context.files, {"base_url": context.base_url})
    return settings_in_use(context.loaded)
