"""What a run says of a file that only the next start refuses; see hosts/, too."""

from __future__ import annotations

import json

from places import DAEMON_JSON

JOURNALD = '{"log-driver": "journald", "log-opts": {"max-size": "10m"}}'
DROP = 'remove "max-size": only json-file and local write files of their own'
TOLD = 'the log driver journald has no option "max-size": the next start of the engine'


def test_an_image_that_is_built_is_told_of_it(root):
    """Which engine will read the file is not known: what each refuses is told."""
    root.write(DAEMON_JSON, JOURNALD)
    ended = root.run('configure', '--mirror', 'http://r:5000', '--format=json')
    assert ended.code == 0
    (found,) = ended.json['findings']
    assert (found['check'], found['severity']) == ('next-start-refused', 'warning')
    # The file as the run leaves it.
    where = f'{DAEMON_JSON}:1:41'
    assert found['message'] == f'{where}: {TOLD} fails; {DROP}'
    assert json.loads(root.read(DAEMON_JSON))['registry-mirrors'] == ['http://r:5000']
    undone = root.run('undo', '--format=json')
    assert [f['check'] for f in undone.json['findings']] == ['next-start-refused']
    assert root.read(DAEMON_JSON) == JOURNALD


def test_what_only_some_engines_refuse_is_told_as_that(root):
    root.write(DAEMON_JSON, '{"storage-driver": "aufs"}')
    ended = root.run('configure', '--mirror', 'http://r:5000', '--format=json')
    assert [f['check'] for f in ended.json['findings']] == ['directive-obsolete']


def test_doctor_and_validate_tell_it_offline(root):
    file = root.write(DAEMON_JSON, JOURNALD)
    ended = root.run('doctor', '--only=next-start', '--format=json')
    assert ended.code == 1
    (found,) = ended.json['findings']
    assert found['message'] == f'{DAEMON_JSON}:1:41: {TOLD} fails; {DROP}'
    checked = root.run('validate', '--daemon-json', str(file), '--format=json')
    assert (checked.code, checked.codes) == (2, ['next-start-refused'])
