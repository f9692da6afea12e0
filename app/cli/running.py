"""The worker, the demo data, and the doctor."""

import click

from app import demo
from app.cli.failing import fail, require_local_accounts
from app.extension import cast
from ordercast import Level

# The library's advice names its own commands; here they have other names.
FLAT = {
    "flask ordercast upgrade": "flask --app wsgi db upgrade",
    "flask ordercast ": "flask --app wsgi ",
}
MARKS = {Level.OK: "ok  ", Level.WARN: "WARN", Level.FAIL: "FAIL"}


@click.command()
def worker() -> None:
    """Sequence events, drain the inbox, cancel expired orders, prune; any number may run."""
    cast.work()


@click.command("demo-data")
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


@click.command("doctor")
def examine() -> None:
    """Check everything the service needs, and print advice for each problem."""
    levels = set()
    for finding in cast.examine():
        levels.add(finding.level)
        click.echo(f"{MARKS[finding.level]}  {finding.name}: {finding.text}")
        if finding.advice:
            advice = finding.advice
            for command, flat in FLAT.items():
                advice = advice.replace(command, flat)
            click.echo(f"      {advice}")
    if Level.FAIL in levels:
        raise SystemExit(1)
