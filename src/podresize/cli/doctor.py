"""``podresize doctor``: what this host has, what would be done differently, what would not work."""

from __future__ import annotations

import sys

import click

from podresize.cli.output import Output, format_option
from podresize.errors import EXIT_OK, EXIT_USAGE
from podresize.providers import host as hosts
from podresize.providers import registry
from podresize.providers.runtimes import provider as runtimes
from podresize.providers.vm import host as guests


@click.command()
@format_option
def doctor(output: Output) -> None:
    """Look at this host without starting or changing anything. Exit code 2 when a cluster
    cannot be started here."""
    host = hosts.inspect()
    problems = host.problems()
    if output.is_json:
        output.document(
            "podresize-host",
            found=host,
            clusters=[each.name for each in registry.found()],
            runtimes=[each.name for each in runtimes.found()],
            differently=host.adaptations(),
            problems=[{"what": each.what, "remedy": each.remedy} for each in problems],
            limits=host.limits,
            guests={
                "kvm": guests.about_kvm(),
                "qemu": guests.about_qemu(),
                "problems": [
                    {"what": each.what, "remedy": each.remedy} for each in guests.lacking(host)
                ],
            },
        )
        sys.exit(EXIT_USAGE if problems else EXIT_OK)
    click.echo("found")
    facts = {
        "kernel": f"{host.kernel} {host.arch}",
        "processors": f"{host.cpus}",
        "memory": f"{host.memory >> 20} MiB, swap {host.swap >> 20} MiB",
        "disk": f"{host.disk_free >> 20} MiB free for clusters",
        "user": "root" if host.is_root else "not root",
        "capabilities": ", ".join(
            f"{'' if has else 'no '}{name}"
            for name, has in (
                ("CAP_SYS_ADMIN", host.sys_admin),
                ("CAP_NET_ADMIN", host.net_admin),
                ("CAP_SYS_RESOURCE", host.sys_resource),
            )
        ),
        "cgroup": f"v{host.cgroup_version}: {', '.join(sorted(host.cgroup_mounts))}",
        "overlayfs": "yes" if host.overlayfs else "no",
        "AppArmor": "yes" if host.apparmor else "no",
        "systemd": "yes" if host.systemd else "no",
        "QEMU": guests.about_qemu(),
        "guests by": guests.about_kvm(),
        "clusters": ", ".join(each.name for each in registry.found()) or "none",
        "runtimes": ", ".join(each.name for each in runtimes.found()) or "none",
    }
    for name, value in facts.items():
        click.echo(f"  {name:<13} {value}")
    click.echo("would be done differently here")
    for note in host.adaptations():
        click.echo(f"  {note}")
    click.echo("would not work")
    for problem in problems:
        click.echo(f"  {problem.what}    mend: {problem.remedy}")
    for problem in guests.lacking(host):
        click.echo(f"  {problem.what}    mend: {problem.remedy}")
    if host.limits:
        click.echo(f"  checks of oom_score_adj: unsupported ({', '.join(host.limits)})")
    if not problems and not host.limits and not guests.lacking(host):
        click.echo("  nothing known")
    sys.exit(EXIT_USAGE if problems else EXIT_OK)
