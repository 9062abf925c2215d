"""Keys that the registry passes over, and which were meant."""

from __future__ import annotations

import pytest

CONFIG = '/etc/docker/registry/config.yml'
TEXT = (
    'version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: /srv/push\n'
    'http:\n  addr: 127.0.0.1:5002\n'
)


@pytest.mark.parametrize(
    ('more', 'major', 'severity', 'end'),
    (
        (
            'tags: {maxtags: 5}',
            '2',
            'warning',
            'of distribution 3, and 2 ignores it',
        ),
        ('reporting: {}', '3', 'info', 'of distribution 2, and 3 ignores it'),
        ('  relativeUrls: true', '2', 'warning', '; did you mean http.relativeurls?'),
        ('maxentries: 5', '2', 'warning', '; did you mean catalog.maxentries?'),
        ('colour: blue', '2', 'warning', 'which silently ignores it'),
    ),
)
def test_a_key_that_is_passed_over(root, more, major, severity, end):
    path = str(root.write(CONFIG, f'{TEXT}{more}\n'))
    words = ('registry', 'check', path, '--distribution', major, '--format=json')
    (finding,) = root.run(*words).json['findings']
    assert (finding['check'], finding['severity']) == ('unknown-key', severity)
    assert finding['message'].endswith(end)
