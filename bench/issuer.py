"""What a connect costs with a token of another issuer, by its key set, and with one of the secret.

    python -m bench.issuer [--connections 2000]

Both servers are ordercast, with the same clients; CPU is that of all their processes. The
signature's own share is what PyJWT alone needs more for RS256 than for HS256. A connect with a key
set must cost no more than one with the secret plus that share.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from bench import rows
from bench.compare import allow_files
from bench.contenders import running
from bench.load import Sign, claims, compile_load, signed_with_secret
from ordercast.settings import Settings
from ordercast.tokens import OPTIONS, Tokens
from tests.harness.processes.process import SECRET
from tests.harness.servers.issuer import Issuer, issuer

KID = "one"
ISSUED = {"iss": "https://id.example/", "aud": "shop", "type": None}
BATCH = 100  # connects of one server before the other has its turn
TURNS, CALLS = 15, 300  # of one token checked, in turn with the others
NOISE = 1.1  # by which the halves of a run differ here


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--connections", type=int, default=2000, help="of each server")
    arguments = parser.parse_args()
    allow_files(2 * arguments.connections)
    with issuer({KID: rsa.generate_private_key(65537, 2048)}) as there:
        connects = connect_us(there, arguments.connections)
        return report(connects, one_token_us(there))


def connect_us(there: Issuer, clients: int) -> dict[str, float]:
    """CPU of one connect -> {name: µs}. Both servers run at once and take turns, so that other work
    on the machine hits both alike."""
    named = {"JWT_ISSUER": ISSUED["iss"] or "", "JWT_AUDIENCE": ISSUED["aud"] or ""}
    sides: dict[str, tuple[Sign, dict[str, str]]] = {
        "secret": (signed_with_secret, {}),
        "key set": (signer(there), {"JWT_JWKS_URL": there.url, **named}),
    }
    costs: dict[str, list[float]] = {name: [] for name in sides}
    with ExitStack() as stack:
        program = compile_load(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        benches = {}
        for name, (sign, variables) in sides.items():
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            server = stack.enter_context(running("ordercast", folder, variables=variables))
            users = rows.users(clients)
            benches[name] = stack.enter_context(rows.bench(server, program, folder, users, sign))
            benches[name].load.connect(rows.WARMUP_CLIENTS)
        for _ in range(clients // BATCH):
            for name, bench in benches.items():
                before = bench.server.cpu_seconds()
                bench.load.connect(BATCH)
                costs[name].append((bench.server.cpu_seconds() - before) / BATCH * 1e6)
    return {name: median(each) for name, each in costs.items()}


def signer(there: Issuer) -> Sign:
    def sign(payload: Mapping[str, Any]) -> str:
        changed = {**payload, **ISSUED}
        said = {name: value for name, value in changed.items() if value is not None}
        return there.token(said, KID, "RS256")

    return sign


def one_token_us(there: Issuer) -> dict[str, float]:
    """CPU of one token, by Tokens and by PyJWT alone with the key at hand -> {name: µs}."""
    payload = claims(1, "customer", 1)
    foreign, local = there.token(payload, KID, "RS256"), signed_with_secret(payload)
    public = there.keys[KID].public_key()
    by_keys = Tokens(Settings(JWT_JWKS_URL=there.url))
    by_secret = Tokens(Settings(JWT_SECRET_KEY=SECRET))
    calls: dict[str, Callable[[], object]] = {
        "secret": lambda: by_secret.read(local),
        "key set": lambda: by_keys.read(foreign),
        "HS256": lambda: jwt.decode(local, SECRET, ["HS256"], options=OPTIONS),
        "RS256": lambda: jwt.decode(foreign, public, ["RS256"], options=OPTIONS),
    }
    by_keys.read(foreign)
    costs: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(TURNS):
        for name, call in calls.items():
            before = time.process_time()
            for _ in range(CALLS):
                call()
            costs[name].append((time.process_time() - before) / CALLS * 1e6)
    return {name: median(each) for name, each in costs.items()}


def report(connects: Mapping[str, float], checks: Mapping[str, float]) -> int:
    """Print the table, µs -> the exit code."""
    share = checks["RS256"] - checks["HS256"]
    print("| CPU | secret (HS256) | key set (RS256) | the signature itself | ratio |")
    print("|---|---|---|---|---|")
    ratios = []
    for what, figures in (("one token checked", checks), ("one connect", connects)):
        ratios.append(figures["key set"] / (figures["secret"] + share))
        cells = f"{figures['secret']:.0f} µs | {figures['key set']:.0f} µs | {share:.0f} µs"
        print(f"| {what} | {cells} | {ratios[-1]:.2f} |")
    return 0 if max(ratios) <= NOISE else 1


if __name__ == "__main__":
    sys.exit(main())
