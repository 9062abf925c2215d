"""What the engines make of references of images is what was recorded of them.

With REGISTRY_HOST_RECORD=1, and -n0, all cases of tests/data/references/seen.json are
asked and written down anew; a new case there needs its `input` alone.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

HERE = Path(__file__).parent
SEEN = HERE.with_name('data') / 'references/seen.json'
# Nothing listens there: whatever an engine would ask a registry for ends at once.
NOWHERE = 'http://127.0.0.1:9'
REFUSALS = re.compile(
    '(?:invalid (?:reference format|checksum digest|repository name)|unsupported digest'
    '|repository name must)'
)
ASKED = re.compile('Get "https?://([^/"]*)/v2/"')


def seen_of(text, tag, names, pull):
    """Read what docker said: a verdict, the name it shows, the registry it asks."""
    refusal = REFUSALS.search(pull[1])
    is_parsed = tag[0] == 0 or 'refusing to create' in tag[1]
    assert is_parsed is not bool(refusal) or 'digest reference' in tag[1], (text, tag)
    if refusal:
        return {'verdict': f'refused: {pull[1][refusal.start() :]}'}
    seen = {'verdict': 'valid'}
    if names:
        (seen['shows'],) = names
    asked = ASKED.search(pull[1])
    if asked:
        return {**seen, 'asks': asked[1]}
    return {**seen, 'pull': pull[1].removeprefix('Error response from daemon: ')}


def of(case, engine):
    return next(
        (
            {key: value for key, value in each.items() if key != 'engines'}
            for each in case.get('seen', ())
            if engine in each['engines']
        ),
        None,
    )


def sample(cases):
    """All on which the engines differ, and some of the others."""
    verdicts = [{each['verdict'] for each in case['seen']} for case in cases]
    return [
        case
        for number, (case, found) in enumerate(zip(cases, verdicts, strict=True))
        if number % 16 == 0 or ('valid' in found and len(found) > 1)
    ]


def record(recorded, engine, cases, found):
    engines = sorted({*recorded['engines'], engine})
    for case, seen in zip(cases, found, strict=True):
        groups = []
        for each in engines:
            what = seen if each == engine else of(case, each)
            known = next((g for g in groups if g[1] == what), None)
            if known:
                known[0].append(each)
            elif what:
                groups.append(([each], what))
        case['seen'] = [{'engines': names, **what} for names, what in groups]
    recorded['engines'] = engines
    SEEN.write_text(json.dumps(recorded, indent=1) + '\n')


def test_references(host):
    recorded = json.loads(SEEN.read_text())
    is_recording = bool(os.environ.get('REGISTRY_HOST_RECORD'))
    cases = recorded['cases'] if is_recording else sample(recorded['cases'])
    host.run('docker import /opt/registry-host/busybox.tar local/busybox')
    host.drop_in(f'Environment=HTTP_PROXY={NOWHERE} HTTPS_PROXY={NOWHERE}')
    host.restart_engine()
    host.write('/run/verdicts.py', (HERE / 'verdicts.py').read_text())
    texts = [case['input'] for case in cases]
    answer = host.run(['python3', '/run/verdicts.py'], stdin=json.dumps(texts)).stdout
    found = [
        seen_of(text, *each)
        for text, each in zip(texts, json.loads(answer), strict=True)
    ]
    version = host.docker_info()['ServerVersion']
    engine = version.partition('+')[0]
    if is_recording:
        record(recorded, engine, cases, found)
    assert {text: seen for text, seen in zip(texts, found, strict=True)} == {
        case['input']: of(case, engine) for case in cases
    }
