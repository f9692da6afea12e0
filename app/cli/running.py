"""The worker, the demo data, and the doctor."""

import sys

import click

from app import demo
from app.cli.issuers import require_local_accounts
from app.extension import cast
from ordercast import Command, Report, fail

# The library names its own commands, and a team's settings; the marketplace has others.
NAMES = {
    "flask ordercast upgrade": "flask --app wsgi db upgrade",
    "flask ordercast ": "flask --app wsgi ",
    "ORDERCAST_": "",
    "the URL of the app's database": "DATABASE_URL",
    "Use engine_options(url, prepare=False)": "Set DATABASE_PREPARE=0",
    "(engine_options(url, pool=, overflow=))": "(DATABASE_POOL, DATABASE_OVERFLOW)",
}


@click.command(cls=Command)
def worker() -> None:
    """Sequence events, drain the inbox, cancel expired orders, prune; any number may run."""
    cast.work()


@click.command("demo-data", cls=Command)
@click.option("--yes", is_flag=True, help="Even beside real accounts or on another machine.")
def demo_data(yes: bool) -> None:
    """Make the demo accounts and products that are missing, and print the logins."""
    require_local_accounts()
    try:
        if not yes:
            demo.check_place()
    except demo.DemoRefused as exc:
        fail(
            exc.code,
            f"{exc} Everybody knows the demo's password, its admin's too. --yes: all the same.",
        )
    for account in demo.make():
        click.echo(f"  {account.role:<8}  {account.email:<22}  {demo.PASSWORD}")


@click.command("doctor", cls=Command)
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for a program.")
def examine(as_json: bool) -> None:
    """Check everything the service needs, and print advice for each problem.

    The exit code is 1 if a check failed, and 0 otherwise, also with warnings."""
    report = Report(cast.examine(), wording=_as_here)
    for text in (report.json(),) if as_json else report.lines():
        click.echo(text)
    sys.exit(report.exit_code)


def _as_here(text: str) -> str:
    for theirs, ours in NAMES.items():
        text = text.replace(theirs, ours)
    return text
