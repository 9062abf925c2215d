"""How long a copy of many images takes, beside the other ways: scripts/bench copies.

Ratios of one run, on one host of the lab: 50 images of two platforms, with a layer that
all share and one of their own; three rounds, of which the median counts.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

TREE = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TREE / 'tests/hosts'))

from lab import GATEWAY, opened  # noqa: E402 - beside the tests on hosts
from multiplatform import Layout  # noqa: E402

if TYPE_CHECKING:
    from lab import Lab, LabHost
    from services import Service

COUNT, ROUNDS, SOURCE = 50, 3, 5051
OWN_BYTES, SHARED = 200_000, b's' * 2_000_000
PLAIN = '--src-tls-verify=false --dest-tls-verify=false'
COPY = f'skopeo copy -q --all --preserve-digests {PLAIN}'
EACH = f'seq 0 {COUNT - 1} | xargs -I@'
# What is copied by each, and whether it keeps all platforms and the names.
WAYS = {
    'registry-host image copy': 'registry-host image copy --from-file /root/list '
    '--to {to}',
    'skopeo copy, one by one': f'{EACH} {COPY} docker://{{src}}@:1 '
    'docker://{to}/team/app@:1',
    'skopeo copy, four at once': f'{EACH} -P4 {COPY} docker://{{src}}@:1 '
    'docker://{to}/team/app@:1',
    'skopeo sync (drops team/)': 'skopeo sync --all --preserve-digests --src yaml '
    '--dest docker --dest-tls-verify=false /root/sync.yml {to}',
    'docker pull, tag, push (one platform)': f'{EACH} sh -c "docker pull {{src}}@:1 && '
    'docker tag {src}@:1 {to}/team/app@:1 && docker push {to}/team/app@:1"',
}


def fill(lab: Lab, folder: Path) -> Service:
    """Make the images, and a registry that has them."""
    source = lab.start_registry('bench-source', SOURCE)
    layout = Layout(folder / 'layout')
    for n in range(COUNT):
        layout.add(f'app{n}', size=OWN_BYTES, base=SHARED)
    target = f'docker://{source.endpoint}/team/app@:1'
    copy = f'{EACH} -P4 skopeo --insecure-policy copy -q --all --preserve-digests'
    lab.run(
        [
            'sh',
            '-c',
            f'{copy} --dest-tls-verify=false oci:{layout.folder}:app@ {target}',
        ]
    )
    return source


def prepare(host: LabHost) -> None:
    host.write('/etc/docker/daemon.json', '{"insecure-registries": ["10.99.0.0/24"]}')
    host.restart_engine()
    names = [f'{GATEWAY}:{SOURCE}/team/app{n}:1\n' for n in range(COUNT)]
    host.write('/root/list', ''.join(names))
    images = ''.join(f"    team/app{n}: ['1']\n" for n in range(COUNT))
    listed = f'{GATEWAY}:{SOURCE}:\n  tls-verify: false\n  images:\n{images}'
    host.write('/root/sync.yml', listed)


def timed(host: LabHost, way: str, to: str) -> float:
    source = f'{GATEWAY}:{SOURCE}/team/app'
    line = WAYS[way].format(src=source, to=to)
    started = time.monotonic()
    host.run(f'set -e; {line} >/root/said 2>&1', timeout_s=600)
    return time.monotonic() - started


def main() -> None:
    first: dict[str, list[float]] = {way: [] for way in WAYS}
    again: dict[str, list[float]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as folder, opened() as lab:
        fill(lab, Path(folder))
        host = lab.host('bookworm')
        prepare(host)
        port = SOURCE
        for _ in range(ROUNDS):
            for way in WAYS:
                port += 1
                service = lab.start_registry(f'bench-{port}', port)
                first[way].append(timed(host, way, service.endpoint))
                again[way].append(timed(host, way, service.endpoint))
                host.run('docker image prune -af')
    base = median(first['registry-host image copy'])
    print(f'{COUNT} images of two platforms, by skopeo 1.9.3 and Docker 20.10.24:')
    print(f'{"":38} first  again   (1 is {base:.1f} s)')
    for way in WAYS:
        ratios = median(first[way]) / base, median(again[way]) / base
        print(f'{way:38} {ratios[0]:5.2f}  {ratios[1]:5.2f}')


if __name__ == '__main__':
    main()
