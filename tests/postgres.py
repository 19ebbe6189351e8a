"""A real PostgreSQL server on a loopback port, from Debian's packages or whatever is on the machine."""

import os
import shutil
import subprocess
from pathlib import Path


def programs() -> Path | None:
    """The folder of initdb, pg_ctl and company; None where PostgreSQL is not installed."""
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


class PostgresServer:
    """A new cluster in a folder of its own, with the user `nas`. A context manager."""

    def __init__(self, port: int) -> None:
        folder = programs()
        assert folder is not None
        self.port = port
        self.url = f"postgresql+psycopg://nas@127.0.0.1:{port}"
        self._programs = folder
        # PostgreSQL refuses to run as root, and its user must be able to reach its folder.
        self._prefix = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        make = [*self._prefix, "mktemp", "-d", "/tmp/nas-postgres-XXXXXX"]
        self._home = Path(subprocess.check_output(make, text=True).strip())

    def __enter__(self) -> "PostgresServer":
        self._run("initdb", "-D", f"{self._home}/data", "-U", "nas", "--auth", "trust", "--no-sync")
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        subprocess.run(self._command("pg_ctl", "-D", f"{self._home}/data", "-m", "immediate", "stop"), cwd="/")
        subprocess.run([*self._prefix, "rm", "-rf", str(self._home)], check=True, cwd="/")

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self._home} -c fsync=off"
        self._run("pg_ctl", "-D", f"{self._home}/data", "-l", f"{self._home}/log", "-w", "-o", options, "start")

    def stop(self) -> None:
        """At once: whoever is connected is cut off, and the next start recovers."""
        self._run("pg_ctl", "-D", f"{self._home}/data", "-m", "immediate", "stop")

    def cut_connections(self) -> None:
        """All of the user's, as a network that fails would."""
        import psycopg

        with psycopg.connect(f"{self.url.replace('+psycopg', '')}/postgres", autocommit=True) as connection:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")

    def create(self, database: str) -> str:
        """An empty database's URL."""
        import psycopg

        with psycopg.connect(f"{self.url.replace('+psycopg', '')}/postgres", autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{database}"')
        return f"{self.url}/{database}"

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(self._command(program, *arguments), check=True, capture_output=True, cwd="/")

    def _command(self, program: str, *arguments: str) -> list[str]:
        return [*self._prefix, str(self._programs / program), *arguments]
