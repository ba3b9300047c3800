"""The command: goes through the checks, prints each as it is there, and sums up in a code."""

import math
from collections.abc import Sequence
from uuid import uuid4

from rich.text import Text

from shelfport.adapters.cli.check.model import Case, Check, CheckOutcome, Result, examine
from shelfport.adapters.cli.check.reading import MADE_UP
from shelfport.adapters.cli.check.report import check_document, print_result, print_settings
from shelfport.adapters.cli.check.setting_list import Listed, as_written, in_use
from shelfport.adapters.cli.check.table import CHECKS
from shelfport.adapters.cli.options import CallOptions, misuse
from shelfport.adapters.cli.output import print_json, print_text
from shelfport.adapters.cli.running import Exit, Misuse, complain
from shelfport.domain.model import variant_id


async def run_check(
    *, variant: str | None, options: CallOptions, checks: Sequence[Check] = CHECKS
) -> int:
    """Print the settings and every check.

    Returns:
        `Exit.MISUSED` if the settings make no sense, `Exit.NO` if another check failed.
    """
    with misuse():
        asked = MADE_UP if variant is None else variant_id(variant)
    seconds = options.deadline
    if seconds is not None and not 0 < seconds < math.inf:
        raise Misuse(f"--deadline is {seconds:g}: it must be more than 0 seconds")
    case = Case(
        files=options.settings,
        base_url=options.base_url,
        deadline=seconds,
        variant=asked,
        correlation_id=options.correlation_id or uuid4().hex,
    )
    listed: list[Listed] = []
    results: list[Result] = []
    width = max(len(check.name) for check in checks)
    async for result in examine(case, checks):
        results.append(result)
        if not listed:
            listed = _listed(case)
            if not options.as_json:
                print_settings(listed)
                print_text(Text("Checks"))
        if not options.as_json:
            print_result(result, width=width)
    if options.as_json:
        print_json(check_document(listed, results, case.correlation_id))
    failures = [result for result in results if result.finding.outcome is CheckOutcome.FAILED]
    if case.loaded is None:
        complain(failures[0].finding.detail)
        return Exit.MISUSED
    return Exit.NO if failures else Exit.ANSWERED


def _listed(case: Case) -> list[Listed]:
    if case.loaded is None:
        return as_written(case.files, {"base_url": case.base_url})
    return in_use(case.loaded)
