"""The commands, put together."""

from __future__ import annotations

import typer

from shoal.cli import deephyper, doctor, export, join, look, new, once, remove, report, simulate, stop, submit, tune

HELP = """
Tune the training code you have: every worker is a peer.

[bold]shoal tune train.py --param 'lr=loguniform(1e-5, 1)'[/bold] begins a study; [bold]shoal top[/bold] shows the best.

Exit status: 0 all went well, 1 an error (it says which), 2 wrong usage, 130 interrupted (shoal resume goes on).
"""

app = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode="rich", pretty_exceptions_enable=False)
app.command(no_args_is_help=True)(tune.tune)
app.command()(once.run_once)
app.command()(join.join)
app.command()(join.resume)
app.command(cls=deephyper.SubmitCommand)(submit.submit)
app.command()(stop.stop)
app.command()(look.status)
app.command()(look.top)
app.command()(look.show)
app.command()(look.why)
app.command()(export.export)
app.command()(report.report)
app.command()(simulate.simulate)
app.command()(remove.rm)
app.command()(doctor.doctor)
app.command(no_args_is_help=True)(deephyper.hps)
app.add_typer(new.app, name="new")
app.add_typer(deephyper.app, name="deephyper")


@app.callback(invoke_without_command=True)
def _version(version: bool = typer.Option(False, "--version", help="Show the version and exit.")) -> None:
    if version:
        from shoal import __version__

        typer.echo(f"shoal {__version__}")
        raise typer.Exit
