"""Makes the secrets of the compose stack, and its .env: `make secrets`. What is there already is kept.

Needs the standard library alone. Containers run as users of their own and read the files through a mount, so
each may be read by all; the folder lets nobody in but its owner.
"""

import hashlib
import os
import secrets
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOCKET = Path("/var/run/docker.sock")


def prepare(root: Path, socket: Path) -> list[Path]:
    """Write what is missing under `root`; the new files."""
    folder = root / "secrets"
    folder.mkdir(mode=0o700, exist_ok=True)
    password = secrets.token_urlsafe(32)
    files = {
        **_unless_there(folder, {"gateway_admin_token": secrets.token_urlsafe(32)}),
        **_unless_there(folder, {"grafana_password": secrets.token_urlsafe(32)}),
        # One names the password, the other its digest: they are made together.
        **_unless_there(folder, {"redis_url": _url(password), "redis_users": _users(password)}),
        # Empty until somebody puts the URL of an incoming webhook there.
        **_unless_there(folder, {"slack_webhook_url": ""}),
    }
    for path, text in files.items():
        path.unlink(missing_ok=True)
        path.write_text(text)
        path.chmod(0o444 if text else 0o644)
    environment = root / ".env"
    if not environment.exists():
        files[environment] = _environment(root, socket)
        environment.write_text(files[environment])
    return [*files]


def _unless_there(folder: Path, files: dict[str, str]) -> dict[Path, str]:
    paths = {folder / name: text for name, text in files.items()}
    return {} if all(path.exists() for path in paths) else paths


def _url(password: str) -> str:
    return f"redis://gateway:{password}@redis:6379/0"


def _users(password: str) -> str:
    """Who may do what in Redis: the gateway what it counts with, anybody else a ping."""
    digest = hashlib.sha256(password.encode()).hexdigest()
    counting = "+eval +evalsha +time +get +set +pexpire +zadd +zcard +zrem +zremrangebyscore"
    return (
        "user default on nopass resetkeys resetchannels -@all +ping\n"
        f"user gateway on #{digest} ~quota:* resetchannels -@all {counting} +ping +select +client|setinfo\n"
    )


def _environment(root: Path, socket: Path) -> str:
    """The example with the group that may ask Docker, where there is one here."""
    text = (root / ".env.example").read_text()
    group = socket.stat().st_gid if socket.exists() else ""
    return text.replace("DOCKER_GID=\n", f"DOCKER_GID={group}\n")


if __name__ == "__main__":
    os.umask(0o077)
    for path in prepare(ROOT, SOCKET):
        sys.stdout.write(f"{path.relative_to(ROOT)}\n")
